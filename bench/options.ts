import { parseArgs } from 'node:util'

export interface Options {
  /** One minute instead of five: shows that everything runs; the documents are left alone. */
  readonly quick: boolean
  /** Below this share of its core a proxy was not the busy part, and no ratio is printed. */
  readonly minUtil: number
  /** Ids of contenders to start; empty for all. nginx, bare and Usher are what the targets are made of. */
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
