/** Why a text is no valid value. The message follows the variable's name and never repeats the text. */
export class Invalid extends Error {
  override readonly name = 'Invalid'
  readonly reasons: readonly string[]

  constructor(...reasons: readonly string[]) {
    super(reasons.join('; '))
    this.reasons = reasons
  }
}

/** Turns the text of a variable into its value. Throws Invalid. */
export type Parse<T> = (text: string) => T

export interface Setting<T> {
  readonly parse: Parse<T>
  /** The default, as text; null when an unset variable has no value. */
  readonly initial: string | null
  readonly required: boolean
  /** A secret may come from a file named by `NAME_FILE` (SECURITY rule 68). */
  readonly secret: boolean
  /** One sentence; docs/configuration.md begins the setting's row with it. */
  readonly meaning: string
}

export function required<T>(parse: Parse<T>, meaning: string): Setting<T> {
  return { parse, initial: null, required: true, secret: false, meaning }
}

export function optional<T>(parse: Parse<T>, meaning: string): Setting<T | null> {
  return { parse, initial: null, required: false, secret: false, meaning }
}

export function initially<T>(initial: string, parse: Parse<T>, meaning: string): Setting<T> {
  return { parse, initial, required: false, secret: false, meaning }
}

export function secret<T>(setting: Setting<T>): Setting<T> {
  return { ...setting, secret: true }
}

/**
 * A comma-separated list. Each entry is parsed by itself, so that every bad one is reported with its position. Spaces
 * around an entry are removed; an empty entry is an error.
 */
export function list<T>(parse: Parse<T>): Parse<readonly T[]> {
  return (text) => {
    if (text === '') return []
    const reasons: string[] = []
    const values: T[] = []
    for (const [index, entry] of text.split(',').entries()) {
      try {
        if (entry.trim() === '') throw new Invalid('is empty')
        values.push(parse(entry.trim()))
      } catch (error) {
        if (!(error instanceof Invalid)) throw error
        reasons.push(...error.reasons.map((reason) => `entry ${index + 1} ${reason}`))
      }
    }
    if (reasons.length > 0) throw new Invalid(...reasons)
    return values
  }
}
