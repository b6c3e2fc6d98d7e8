import { type Static, type TObject, Type } from 'typebox'
import { Value } from 'typebox/value'
import { Invalid } from './setting.ts'

/** Reports one problem of the entry being read. */
export type Report = (words: string) => void

export interface EntriesOptions<Schema extends TObject, T> {
  readonly schema: Schema
  /** What each member must be. Replaces the validator's own messages, which could repeat a value. */
  readonly words: Readonly<Record<keyof Schema['properties'] & string, string>>
  /** The value of an entry that matches the schema; otherwise reports why and returns null. */
  readonly read: (entry: Static<Schema>, report: Report, earlier: readonly T[]) => T | null
}

/** Parses a JSON array of objects. Throws Invalid with every problem of every entry, which it names by number. */
export function parseEntries<Schema extends TObject, T>(
  text: string,
  { schema, words, read }: EntriesOptions<Schema, T>
): readonly T[] {
  const entries = parseJson(text)
  if (!Array.isArray(entries)) throw new Invalid('must be a JSON array')
  const reasons: string[] = []
  const values: T[] = []
  for (const [index, entry] of entries.entries()) {
    const report: Report = (reason) => reasons.push(`entry ${index + 1}: ${reason}`)
    if (!Value.Check(schema, entry)) {
      for (const reason of misfits(schema, words, entry)) report(reason)
      continue
    }
    const value = read(entry, report, values)
    if (value !== null) values.push(value)
  }
  if (reasons.length > 0) throw new Invalid(...reasons)
  return values
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's message repeats the text around the mistake.
    throw new Invalid('must be JSON')
  }
}

/** Why a value does not match the schema: one reason for each member. */
export function misfits(
  schema: TObject,
  words: Readonly<Record<string, string>>,
  value: unknown
): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['must be an object']
  const members = Object.entries(schema.properties)
  const reasons = members
    .filter(([name, member]) => {
      const given: unknown = Reflect.get(value, name)
      return !(given === undefined && Type.IsOptional(member)) && !Value.Check(member, given)
    })
    .map(([name]) => words[name] ?? `${name} is invalid`)
  const isClosed = 'additionalProperties' in schema && schema.additionalProperties === false
  if (isClosed && Object.keys(value).some((name) => !Object.hasOwn(schema.properties, name)))
    reasons.push(`must have no members but ${members.map(([name]) => name).join(', ')}`)
  return reasons
}

/** Runs a parser on one member; reports its objection under the member's name and returns null. */
export function attempt<T>(member: string, report: Report, parse: () => T): T | null {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof Invalid)) throw error
    for (const reason of error.reasons) report(`${member} ${reason}`)
    return null
  }
}
