/** A type guard for one member of a sealed array. */
export type Member<T> = (value: unknown) => value is T

type Narrowed<M> = M extends Member<infer T> ? T : never

export const text: Member<string> = (value) => typeof value === 'string'
export const integer: Member<number> = (value): value is number => Number.isSafeInteger(value)
export const flag: Member<boolean> = (value) => typeof value === 'boolean'
/** Members with a layout of their own. */
export const array: Member<readonly unknown[]> = (value) => Array.isArray(value)

export function nullable<T>(member: Member<T>): Member<T | null> {
  return (value): value is T | null => value === null || member(value)
}

export function oneOf<const W extends readonly string[]>(words: W): Member<W[number]> {
  return (value): value is W[number] => (words as readonly unknown[]).includes(value)
}

export function listOf<T>(member: Member<T>): Member<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(member)
}

/** An array with its members in this order; members that a later release appended are ignored. */
export function tuple<M extends readonly Member<unknown>[]>(
  ...members: M
): Member<{ readonly [K in keyof M]: Narrowed<M[K]> }> {
  return (value): value is { readonly [K in keyof M]: Narrowed<M[K]> } =>
    Array.isArray(value) && members.every((member, index) => member(value[index]))
}

/** An object as the array of its values, which saves the names: some 300 of a cookie's 4,096 bytes. */
export interface Layout<R> {
  write(record: R): readonly unknown[]
  /** The record, or null when a member is missing or has another type (SECURITY rule 10). */
  read(members: readonly unknown[]): R | null
}

/** The order of the names is the order of the array: a release may append members, and never moves one. */
export function createLayout<M extends Readonly<Record<string, Member<unknown>>>>(
  members: M
): Layout<{ readonly [K in keyof M]: Narrowed<M[K]> }> {
  const entries = Object.entries(members)
  return {
    write: (record) => entries.map(([name]) => record[name]),
    read(values) {
      if (!entries.every(([, member], index) => member(values[index]))) return null
      return Object.fromEntries(entries.map(([name], index) => [name, values[index]])) as {
        readonly [K in keyof M]: Narrowed<M[K]>
      }
    }
  }
}

/** The content of a sealed value: an array that begins with its version number. */
export interface Codec<T> {
  encode(value: T): readonly unknown[]
  /** The value, or null for an unknown version or another shape. */
  decode(value: unknown): T | null
}

export interface CodecOptions<T> {
  /** The version that `encode` writes. */
  readonly version: number
  readonly encode: (value: T) => readonly unknown[]
  /** By version. Versions are never removed: test/src/seal/golden.test.ts has a value of each. */
  readonly decoders: ReadonlyMap<number, (members: readonly unknown[]) => T | null>
}

export function createCodec<T>({ version, encode, decoders }: CodecOptions<T>): Codec<T> {
  return {
    encode: (value) => [version, ...encode(value)],
    decode(value) {
      if (!Array.isArray(value)) return null
      const [named, ...members] = value as readonly unknown[]
      return decoders.get(named as number)?.(members) ?? null
    }
  }
}
