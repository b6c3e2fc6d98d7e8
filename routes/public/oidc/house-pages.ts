import type { IncomingHttpHeaders } from 'node:http'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Config } from '../../../src/config/config.ts'
import { isTelevision } from '../../../src/domain/televisions.ts'
import type { Pages } from '../../../src/openid/pages.ts'
import { loadAssets } from '../signin/assets.ts'
import { type Html, html } from '../signin/html.ts'
import { createLanguages, type Language } from '../signin/language.ts'
import { brandHeader, footer, head } from '../signin/template.ts'

export interface Page {
  readonly headers: Readonly<Record<string, string>>
  readonly markup: string
}

/** What a page depends on: its language, and the size of its letters. */
type Reader = Pick<IncomingHttpHeaders, 'accept-language' | 'user-agent'>

/** Usher's own pages around OpenID Connect: plain HTML in the style of the sign-in page, without scripts. */
export interface HousePages extends Pages {
  /** For an interaction that is over, or belongs to another browser. */
  lost(reader: Reader): Page
  /** What is needed is away, and nobody is signed out by it. */
  unavailable(reader: Reader): Page
}

export interface HousePagesOptions {
  readonly config: Pick<Config, 'publicUrl' | 'brand'>
  /** The name of an app; null if it is not in the configuration. */
  readonly nameOf: (clientId: string) => string | null
  /** The display name of the request's account. */
  readonly accountOf: (ctx: KoaContextWithOIDC) => string | null
}

interface Words {
  readonly title: string
  readonly text: Html | string
  readonly actions?: Html
  /** Where the response to a form may lead, besides Usher itself. */
  readonly formTarget?: string | null
}

export function createHousePages({ config, nameOf, accountOf }: HousePagesOptions): HousePages {
  const { basePath } = config.publicUrl
  const { version } = loadAssets()
  const assetsPath = `${basePath}/signin/assets/${version}`
  const languages = createLanguages()

  function toPage(reader: Reader, find: (language: Language) => Words): Page {
    const language = languages.find(reader['accept-language'])
    const { title, text, actions, formTarget = null } = find(language)
    const television = isTelevision(reader['user-agent'] ?? '')
    const { name, logo } = config.brand
    const brand = { name, logoPath: logo === null ? null : `${basePath}/signin/logo` }
    const policy = [
      "default-src 'none'",
      "style-src 'self'",
      "font-src 'self'",
      "img-src 'self'",
      // CSP 3 §6.3.2: form-action also applies to the redirect that answers a form.
      `form-action 'self'${formTarget === null ? '' : ` ${formTarget}`}`,
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
      'content-language': language.tag,
      // With none a form would say `Origin: null`, which proves nothing where there is no Fetch Metadata.
      'referrer-policy': 'same-origin'
    }
    return { headers, markup }
  }

  function send(ctx: KoaContextWithOIDC, find: (language: Language) => Words): void {
    const { headers, markup } = toPage(ctx.headers, find)
    ctx.set({ ...headers })
    ctx.vary('Accept-Language')
    ctx.body = markup
  }

  const home = ({ text }: Language) =>
    html`<a class="button quiet" href="${basePath}/signin">${text('openid.to-sign-in')}</a>`

  function away({ text }: Language, app: string): Words {
    return { title: text('openid.away-heading'), text: text('openid.away', { app }) }
  }

  function explain(ctx: KoaContextWithOIDC, code: string, language: Language): Words {
    const { text, phrase } = language
    const { client_id: asked } = ctx.oidc.params ?? {}
    const app =
      nameOf(ctx.oidc.client?.clientId ?? (typeof asked === 'string' ? asked : '')) ?? text('openid.the-app')
    if (code === 'access_denied') {
      const account = accountOf(ctx)
      return {
        title: text('openid.denied-heading'),
        text: phrase('openid.denied', {
          app: html`<b>${app}</b>`,
          account: account === null ? text('openid.this-account') : html`<b><bdi>${account}</bdi></b>`
        }),
        actions: html`<div class="stack">
      <a class="button" href="${basePath}/signin?again=1">${text('refused.another')}</a>
      ${home(language)}
    </div>`
      }
    }
    if (code === 'temporarily_unavailable' || code === 'server_error') return away(language, app)
    if (code === 'invalid_redirect_uri')
      return { title: text('openid.wrong-way'), text: text('openid.wrong-way-text', { app }) }
    if (code === 'invalid_client') return { title: text('openid.unknown'), text: text('openid.unknown-text') }
    return {
      title: text('openid.failed'),
      text: text('openid.failed-text', { app, code }),
      actions: home(language)
    }
  }

  return {
    lost: (reader) =>
      toPage(reader, (language) => ({
        title: language.text('openid.lost'),
        text: language.text('openid.lost-text'),
        actions: home(language)
      })),
    unavailable: (reader) => toPage(reader, (language) => away(language, language.text('openid.the-app'))),
    error: (ctx, out) => send(ctx, (language) => explain(ctx, out.error, language)),
    askSignOut(ctx, { action, xsrf }) {
      const target = ctx.oidc.params?.['post_logout_redirect_uri']
      const account = accountOf(ctx)
      send(ctx, ({ text, phrase }) => ({
        title: text('openid.sign-out'),
        text: phrase('openid.sign-out-text', {
          account: account === null ? text('openid.you') : html`<b><bdi>${account}</bdi></b>`
        }),
        actions: html`<form class="stack" method="post" action="${action}">
          <input type="hidden" name="xsrf" value="${xsrf}">
          <button class="button" name="logout" value="yes">${text('openid.sign-out-yes')}</button>
          <button class="button quiet">${text('openid.sign-out-no')}</button>
        </form>`,
        formTarget: typeof target === 'string' ? sourceOf(target) : null
      }))
    },
    signedOut: (ctx) =>
      send(ctx, (language) => ({
        title: language.text('openid.signed-out'),
        text: language.text('openid.signed-out-text'),
        actions: home(language)
      }))
  }
}

/** As a CSP source: the origin of a web address, or the scheme of a native app's address. */
function sourceOf(uri: string): string | null {
  const url = URL.parse(uri)
  if (url === null) return null
  return url.origin === 'null' ? url.protocol : url.origin
}
