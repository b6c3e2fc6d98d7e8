import Negotiator from 'negotiator'
import { fill, findWords, type TextKey, type Texts, type Values, type Words } from './client/texts.ts'
import { type Html, html } from './html.ts'
import de from './languages/de.json' with { type: 'json' }
import en from './languages/en.json' with { type: 'json' }
import es from './languages/es.json' with { type: 'json' }
import fr from './languages/fr.json' with { type: 'json' }
import nl from './languages/nl.json' with { type: 'json' }
import pt from './languages/pt.json' with { type: 'json' }
import sv from './languages/sv.json' with { type: 'json' }

export interface LanguageSource {
  /** What `Accept-Language` is matched with: a range without a region fits every region. */
  readonly code: string
  /** For `lang` and `Content-Language` (RFC 5646). */
  readonly tag: string
  readonly dir: 'ltr' | 'rtl'
  readonly texts: Texts
}

/** One language of the pages. */
export interface Language extends Omit<LanguageSource, 'code'> {
  text(key: TextKey, values?: Values): string
  /** A text whose values may be markup. */
  phrase(key: TextKey, values: Readonly<Record<string, Html | string>>): Html
  /** The words for a problem code; undefined for anything else (SECURITY rule 61: no reflection). */
  problem(code: unknown): Words | undefined
  /** An instant (ISO 8601) in UTC. */
  instant(instant: string): string
}

export interface Languages {
  /** The language for an `Accept-Language` field (RFC 9110 §12.5.4); the first one if none fits. */
  find(accepted: string | undefined): Language
}

/** English is the source, and what everybody gets whose languages are missing. */
export const LANGUAGES: readonly LanguageSource[] = [
  { code: 'en', tag: 'en', dir: 'ltr', texts: en },
  { code: 'de', tag: 'de', dir: 'ltr', texts: de },
  { code: 'fr', tag: 'fr', dir: 'ltr', texts: fr },
  { code: 'es', tag: 'es', dir: 'ltr', texts: es },
  { code: 'nl', tag: 'nl', dir: 'ltr', texts: nl },
  { code: 'pt', tag: 'pt-BR', dir: 'ltr', texts: pt },
  { code: 'sv', tag: 'sv', dir: 'ltr', texts: sv }
]

export function createLanguage({ tag, dir, texts }: LanguageSource): Language {
  // Made when it is first needed: six of seven never are, and each takes a part of the start.
  let utc: Intl.DateTimeFormat | null = null
  return {
    tag,
    dir,
    texts,
    text: (key, values = {}) => fill(texts[key], values),
    phrase(key, values) {
      const parts = texts[key].split(/\{(\w+)\}/)
      return html`${parts.map((part, index) => html`${index % 2 === 0 ? part : (values[part] ?? '')}`)}`
    },
    problem: (code) => findWords(code, (key) => (isKey(texts, key) ? texts[key] : undefined)),
    instant(instant) {
      utc ??= new Intl.DateTimeFormat(tag === 'en' ? 'en-GB' : tag, {
        dateStyle: 'medium',
        timeStyle: 'short',
        timeZone: 'UTC',
        hourCycle: 'h23'
      })
      return `${utc.format(new Date(instant))} UTC`
    }
  }
}

export function createLanguages(sources: readonly LanguageSource[] = LANGUAGES): Languages {
  const [first, ...others] = sources.map((source) => ({
    code: source.code,
    language: createLanguage(source)
  }))
  if (first === undefined) throw new Error('no language')
  const known = [first, ...others]
  const codes = known.map(({ code }) => code)
  return {
    find(accepted) {
      const code = new Negotiator({ headers: { 'accept-language': accepted } }).language(codes)
      return (known.find((each) => each.code === code) ?? first).language
    }
  }
}

function isKey(texts: Texts, key: string): key is TextKey {
  return Object.hasOwn(texts, key)
}
