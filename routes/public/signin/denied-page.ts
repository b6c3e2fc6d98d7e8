import { createHash } from 'node:crypto'
import type { Role } from '../../../src/domain/roles.ts'
import { html } from './html.ts'

/** Why a signed-in person does not get the page behind forward-auth. */
export type DeniedReason = 'not-allowed' | 'outage'

export interface DeniedPageModel {
  readonly brand: string
  readonly reason: DeniedReason
  /** Who is signed in. */
  readonly account: { readonly title: string; readonly username: string }
  readonly role: Role
  /** The sign-in page, for another account, with the link back. */
  readonly signInHref: string
}

/** The page appears on the app's origin, where Usher's files cannot be loaded, so it contains its own style. */
const STYLE = `
:root { color-scheme: light dark; --paper: #f6f1ea; --ink: #241c17; --soft: #6b5f55; --accent: #8a4b00; }
@media (prefers-color-scheme: dark) { :root { --paper: #141017; --ink: #f3ece4; --soft: #b8aca1; --accent: #f0b35a; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; max-width: 34rem; min-height: 100vh; margin: 0 auto; padding: 15vh 1.5rem 3rem; }
.brand { color: var(--soft); }
h1 { margin: 0.5rem 0 1rem; font-size: 1.75rem; line-height: 1.2; }
a { color: var(--accent); font-weight: 600; }
`

const WORDS: Readonly<Record<DeniedReason, { readonly heading: string; readonly todo: string }>> = {
  'not-allowed': {
    heading: 'Your account cannot open this page',
    todo: 'Ask the person who runs this site for access, or use another account.'
  },
  outage: {
    heading: 'Your access cannot be checked right now',
    todo: 'Plex has not answered for too long. You are still signed in: try again in a few minutes.'
  }
}

/** The role of the account, in words. */
const ROLE_WORDS: Readonly<Record<Role, string>> = {
  owner: 'the owner of this media server',
  home: 'a member of this media server’s Plex Home',
  shared: 'a person this media server is shared with',
  none: 'without a role on this media server'
}

/** No script, no subresource, no framing. */
export const DENIED_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'"
].join('; ')

/** What a refused person sees instead of the app: who they are, why they are refused, and what they can do. */
export function renderDeniedPage({ brand, reason, account, role, signInHref }: DeniedPageModel): string {
  const { heading, todo } = WORDS[reason]
  const name = account.title === '' ? account.username : account.title
  const isNamed = account.username !== '' && account.username !== name
  return html`<!doctype html>
<html lang="en">
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
    <p>You are signed in as <b>${name}</b>${isNamed && html` (${account.username})`}, <b>${ROLE_WORDS[role]}</b>.</p>
    <p>${todo}</p>
    <p><a href="${signInHref}">Use another account</a></p>
  </main>
</body>
</html>
`.markup
}
