import { toLines } from './header-fields.ts'

/**
 * The X-Plex fields of a principal, the token last, as the two clients want them: made when first asked for, and once.
 * What all principals have in common is one `shared` identity in front of their own.
 */
export class Identity {
  private readonly own: readonly string[]
  private readonly shared: Identity | null
  private flat: readonly string[] | null = null
  private text: string | null = null

  constructor(own: readonly string[], shared: Identity | null = null) {
    this.own = own
    this.shared = shared
  }

  /** Flat names and values. */
  get fields(): readonly string[] {
    this.flat ??= this.shared === null ? this.own : [...this.shared.fields, ...this.own]
    return this.flat
  }

  /** The same as field lines; throws where a value would end its line early (SECURITY rule 48). */
  get lines(): string {
    this.text ??= (this.shared?.lines ?? '') + toLines(this.own)
    return this.text
  }
}
