import { toLines } from './header-fields.ts'

/**
 * The X-Plex fields of a principal, the token last, in the form that each of the two clients needs; built once, on
 * first use. The fields that all principals share are one `shared` object in front of their own.
 */
export class IdentityFields {
  private readonly own: readonly string[]
  private readonly shared: IdentityFields | null
  private flat: readonly string[] | null = null
  private text: string | null = null
  /** Null until used: every session has one of these objects. */
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

  /** The same as field lines; throws if a value would end its line early (SECURITY rule 48). */
  get lines(): string {
    this.text ??= (this.shared?.lines ?? '') + toLines(this.own)
    return this.text
  }
}
