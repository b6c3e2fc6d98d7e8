import { toLines } from './header-fields.ts'

/**
 * The X-Plex fields of a principal, the token last, as the two clients want them: made when first asked for, and once.
 * What all principals have in common is one `shared` identity in front of their own.
 */
export class IdentityFields {
  private readonly own: readonly string[]
  private readonly shared: IdentityFields | null
  private flat: readonly string[] | null = null
  private text: string | null = null
  /** Null until one is asked for: there is one of these for every session. */
  private others: Map<string, IdentityFields> | null = null

  constructor(own: readonly string[], shared: IdentityFields | null = null) {
    this.own = own
    this.shared = shared
  }

  /** Flat names and values. */
  get fields(): readonly string[] {
    this.flat ??= this.shared === null ? this.own : [...this.shared.fields, ...this.own]
    return this.flat
  }

  /** The same without one field, by its lower-case name. */
  without(name: string): IdentityFields {
    this.others ??= new Map()
    let other = this.others.get(name)
    if (other === undefined) {
      const { fields } = this
      const at = fields.findIndex((field, index) => index % 2 === 0 && field.toLowerCase() === name)
      other = at === -1 ? this : new IdentityFields(fields.toSpliced(at, 2))
      this.others.set(name, other)
    }
    return other
  }

  /** The same as field lines; throws where a value would end its line early (SECURITY rule 48). */
  get lines(): string {
    this.text ??= (this.shared?.lines ?? '') + toLines(this.own)
    return this.text
  }
}
