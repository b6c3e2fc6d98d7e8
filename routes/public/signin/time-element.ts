import { type Html, html } from './html.ts'
import type { Language } from './language.ts'

/** An instant (ISO 8601) in UTC, which the script rewrites to local time. */
export function timeElement(id: string, instant: string | undefined, language: Language): Html {
  if (instant === undefined) return html`<time id="${id}"></time>`
  return html`<time id="${id}" datetime="${instant}">${language.instant(instant)}</time>`
}
