import { createHash } from 'node:crypto'
import type { Role } from '../../../src/domain/roles.ts'
import { html } from './html.ts'
import type { Language } from './language.ts'

/** Why a signed-in person does not get the page behind forward-auth. */
export type DeniedReason = 'not-allowed' | 'outage'

export interface DeniedPageModel {
  readonly language: Language
  readonly brand: string
  readonly reason: DeniedReason
  /** Who is signed in. */
  readonly account: { readonly title: string; readonly username: string }
  readonly role: Role
  readonly television: boolean
  /** The sign-in page, for another account, with the link back. */
  readonly signInHref: string
}

/** The page appears on the app's origin, where Usher's files cannot be loaded, so it contains its own style. */
const STYLE = `
:root { color-scheme: light dark; --paper: #f6f1ea; --ink: #261a25; --soft: #685a66; --accent: #97294f; --on: #fff; }
@media (prefers-color-scheme: dark) { :root { --paper: #141017; --ink: #f5ede6; --soft: #b9abb5; --accent: #b23a66; --on: #fff; } }
html.television { font-size: clamp(1rem, 1.35vw, 3rem); }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; max-width: 34rem; min-height: 100vh; margin: 0 auto; padding: 15vh 1.5rem 3rem; overflow-wrap: anywhere; text-wrap: pretty; }
.brand { color: var(--soft); }
b { unicode-bidi: plaintext; }
h1 { margin: 0.5rem 0 1rem; font-size: 1.75rem; line-height: 1.2; text-wrap: balance; }
a { display: inline-block; margin-block-start: 0.5rem; margin-inline-end: 0.5rem; padding: 0.75rem 1.25rem; border-radius: 0.75rem; background: var(--accent); color: var(--on); font-weight: 600; text-align: center; text-decoration: none; }
.quiet { background: none; color: var(--ink); box-shadow: inset 0 0 0 1px var(--soft); }
a:focus-visible { outline: 3px solid var(--ink); outline-offset: 2px; }
`

/** No script, no subresource, no framing. */
export const DENIED_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'"
].join('; ')

/** What a refused person sees instead of the app: who they are, why they are refused, and what they can do. */
export function renderDeniedPage({
  language,
  brand,
  reason,
  account,
  role,
  television,
  signInHref
}: DeniedPageModel): string {
  const { text, phrase, tag, dir } = language
  const isOutage = reason === 'outage'
  const heading = text(isOutage ? 'denied.outage-heading' : 'denied.heading')
  const name = account.title === '' ? account.username : account.title
  const isNamed = account.username !== '' && account.username !== name
  const who = html`<b>${name}</b>${isNamed && html` (${account.username})`}`
  return html`<!doctype html>
<html lang="${tag}" dir="${dir}"${television && html` class="television"`}>
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="robots" content="noindex, nofollow">
  <title>${heading} · ${brand}</title>
  <style>${{ markup: STYLE }}</style>
</head>
<body>
  <main>
    <p class="brand">${brand}</p>
    <h1>${heading}</h1>
    <p>${phrase('denied.who', { name: who, role: html`<b>${text(`denied.${role}`)}</b>` })}</p>
    <p>${text(isOutage ? 'denied.outage-todo' : 'denied.todo')}</p>
    <p>${isOutage && html`<a href="">${text('refused.again')}</a> `}<a${isOutage && html` class="quiet"`} href="${signInHref}">${text('refused.another')}</a></p>
  </main>
</body>
</html>
`.markup
}
