import { parseArgs } from 'node:util'

export interface Options {
  /** One minute instead of nine, to see that everything runs. Writes no documents. */
  readonly quick: boolean
  /** Below this share of its core the proxy was not the bottleneck, and no ratio is printed. */
  readonly minUtil: number
  /**
   * Ids of contenders to start; empty for all. The targets need nginx, bare and usher. `fairness` alone measures
   * that.
   */
  readonly only: readonly string[]
}

/** Reads the command line; throws TypeError on an unknown option. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      'min-util': { type: 'string', default: '0.9' },
      only: { type: 'string', default: '' }
    }
  })
  const minUtil = Number(values['min-util'])
  if (!(minUtil >= 0 && minUtil <= 1)) throw new TypeError('--min-util takes a share between 0 and 1')
  return { quick: values.quick, minUtil, only: values.only.split(',').filter(Boolean) }
}
