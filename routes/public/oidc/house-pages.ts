import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Config } from '../../../src/config/config.ts'
import type { Pages } from '../../../src/openid/pages.ts'
import { html } from '../signin/html.ts'
import type { Language } from '../signin/language.ts'
import type { PlainContent, PlainPage, Reader, RenderPlainPage } from '../signin/plain-page.ts'

/** Usher's own pages around OpenID Connect: plain HTML, without scripts. */
export interface HousePages extends Pages {
  /** For an interaction that is over, or belongs to another browser. */
  lost(reader: Reader): PlainPage
  /** What is needed is away, and nobody is signed out by it. */
  unavailable(reader: Reader): PlainPage
}

export interface HousePagesOptions {
  readonly config: Pick<Config, 'publicUrl'>
  readonly render: RenderPlainPage
  /** The name of an app; null if it is not in the configuration. */
  readonly nameOf: (clientId: string) => string | null
  /** The display name of the request's account. */
  readonly accountOf: (ctx: KoaContextWithOIDC) => string | null
}

export function createHousePages({ config, render, nameOf, accountOf }: HousePagesOptions): HousePages {
  const { basePath } = config.publicUrl

  function toPage(reader: Reader, find: (language: Language) => PlainContent): PlainPage {
    const { headers, markup } = render(reader, find)
    // With none a form would say `Origin: null`, which proves nothing where there is no Fetch Metadata.
    return { headers: { ...headers, 'referrer-policy': 'same-origin' }, markup }
  }

  function send(ctx: KoaContextWithOIDC, find: (language: Language) => PlainContent): void {
    const { headers, markup } = toPage(ctx.headers, find)
    ctx.set({ ...headers })
    ctx.vary('Accept-Language')
    ctx.body = markup
  }

  const home = ({ text }: Language) =>
    html`<a class="button quiet" href="${basePath}/signin">${text('to-sign-in')}</a>`

  function away({ text }: Language, app: string): PlainContent {
    return { title: text('openid.away-heading'), text: text('openid.away', { app }) }
  }

  function explain(ctx: KoaContextWithOIDC, code: string, language: Language): PlainContent {
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
        formTargets: ["'self'", ...(typeof target === 'string' ? sourcesOf(target) : [])]
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

/** As CSP sources: the origin of a web address, or the scheme of a native app's address. */
function sourcesOf(uri: string): readonly string[] {
  const url = URL.parse(uri)
  if (url === null) return []
  return [url.origin === 'null' ? url.protocol : url.origin]
}
