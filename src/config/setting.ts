/** Why a text is not a value of its setting: words that follow the variable's name and never repeat the text. */
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
  /** The text that an unset variable stands for; null where it then has no value. */
  readonly initial: string | null
  readonly required: boolean
  /** May come from a file named by `NAME_FILE` (SECURITY rule 68). */
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
 * A comma-separated list, each entry parsed alone, so that every bad entry is reported with its position.
 * Blanks around an entry are dropped; an empty entry is a problem.
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
