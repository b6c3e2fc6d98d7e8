import type { IncomingHttpHeaders } from 'node:http'
import type { Config } from '../../../src/config/config.ts'
import { isTelevision } from '../../../src/domain/televisions.ts'
import type { Assets } from './assets.ts'
import { type Html, html } from './html.ts'
import { createLanguages, type Language, type Languages } from './language.ts'
import { brandHeader, footer, head } from './template.ts'

export interface PlainPage {
  /** Content-Type, Content-Language and the policy. */
  readonly headers: Readonly<Record<string, string>>
  readonly markup: string
}

/** What a page depends on: its language, and the size of its letters. */
export type Reader = Pick<IncomingHttpHeaders, 'accept-language' | 'user-agent'>

export interface PlainContent {
  readonly title: string
  readonly text: Html | string
  readonly actions?: Html
  /** Where a form of the page may lead; none may be on it without. */
  readonly formTargets?: readonly string[]
}

/** A page of one panel in the style of the sign-in page, without scripts. */
export type RenderPlainPage = (reader: Reader, find: (language: Language) => PlainContent) => PlainPage

export interface PlainPagesOptions {
  readonly config: Pick<Config, 'publicUrl' | 'brand'>
  readonly assets: Pick<Assets, 'version'>
  readonly languages?: Languages
}

export function createPlainPages({
  config,
  assets,
  languages = createLanguages()
}: PlainPagesOptions): RenderPlainPage {
  const { basePath } = config.publicUrl
  const assetsPath = `${basePath}/signin/assets/${assets.version}`

  return (reader, find) => {
    const language = languages.find(reader['accept-language'])
    const { title, text, actions, formTargets = ["'none'"] } = find(language)
    const television = isTelevision(reader['user-agent'] ?? '')
    const { name, logo } = config.brand
    const brand = { name, logoPath: logo === null ? null : `${basePath}/signin/logo` }
    const policy = [
      "default-src 'none'",
      "style-src 'self'",
      "font-src 'self'",
      "img-src 'self'",
      // CSP 3 §6.3.2: form-action also applies to the redirect that answers a form.
      `form-action ${formTargets.join(' ')}`,
      "frame-ancestors 'none'",
      "base-uri 'none'"
    ].join('; ')
    const { markup } = html`${head({ assetsPath, brand, language, television }, title, html``)}
<body>
  ${brandHeader(brand)}
  <main id="signin"><section class="panel" aria-labelledby="h">
    <h1 id="h">${title}</h1>
    <p class="lead">${text}</p>
    ${actions ?? null}
  </section></main>
  ${footer(language)}
</body>
</html>
`
    const headers = {
      'content-security-policy': policy,
      'content-type': 'text/html; charset=utf-8',
      'content-language': language.tag
    }
    return { headers, markup }
  }
}
