import { parseArgs } from 'node:util'

export interface Options {
  /** How long people and faults go on; a fraction is fine. */
  readonly minutes: number
  /** Decides who does what, and which fault comes when. */
  readonly seed: number
  readonly people: number
  /** A folder that gets `soak.md` and `soak.svg`; null prints the report. */
  readonly out: string | null
}

/** Reads the command line; throws TypeError on anything that it does not know. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      people: { type: 'string', default: '14' },
      out: { type: 'string' }
    }
  })
  const minutes = Number(values.minutes)
  const [seed, people] = [Number(values.seed), Number(values.people)]
  if (!(minutes > 0)) throw new TypeError('--minutes takes a number above 0')
  if (!Number.isInteger(seed)) throw new TypeError('--seed takes an integer')
  if (!(Number.isInteger(people) && people >= 2)) throw new TypeError('--people takes an integer above 1')
  return { minutes, seed, people, out: values.out ?? null }
}
