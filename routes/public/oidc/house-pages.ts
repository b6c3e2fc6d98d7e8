import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Config } from '../../../src/config/config.ts'
import type { Pages } from '../../../src/openid/pages.ts'
import { loadAssets } from '../signin/assets.ts'
import { type Html, html } from '../signin/html.ts'
import { MARK } from '../signin/icons.ts'

export interface Page {
  readonly headers: Readonly<Record<string, string>>
  readonly markup: string
}

/** Usher's own pages around OpenID Connect: plain HTML in the style of the sign-in page, without scripts. */
export interface HousePages extends Pages {
  /** For an interaction that is over, or belongs to another browser. */
  readonly lost: Page
  /** What is needed is away, and nobody is signed out by it. */
  readonly unavailable: Page
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

  function toPage({ title, text, actions, formTarget = null }: Words): Page {
    const { name, logo } = config.brand
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
    const { markup } = html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex, nofollow">
  <title>${title} · ${name}</title>
  <link rel="icon" href="${assetsPath}/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="${assetsPath}/style.css">
</head>
<body>
  <header class="brand">${
    logo === null ? MARK : html`<img class="mark" src="${basePath}/signin/logo" alt="">`
  }<span>${name}</span></header>
  <main id="signin"><section class="panel" aria-labelledby="h">
    <h1 id="h">${title}</h1>
    <p class="lead">${text}</p>
    ${actions ?? null}
  </section></main>
</body>
</html>
`
    const headers = {
      'content-security-policy': policy,
      'content-type': 'text/html; charset=utf-8',
      // With none a form would say `Origin: null`, which proves nothing where there is no Fetch Metadata.
      'referrer-policy': 'same-origin'
    }
    return { headers, markup }
  }

  function send(ctx: KoaContextWithOIDC, words: Words): void {
    const { headers, markup } = toPage(words)
    ctx.set({ ...headers })
    ctx.body = markup
  }

  const home = html`<a class="button quiet" href="${basePath}/signin">To the sign-in page</a>`

  function away(app: string): Words {
    return {
      title: 'Not available now',
      text: `${app} cannot be opened at the moment. Nobody was signed out; try again in a few minutes.`
    }
  }

  function explain(ctx: KoaContextWithOIDC, code: string): Words {
    const { client_id: asked } = ctx.oidc.params ?? {}
    const app = nameOf(ctx.oidc.client?.clientId ?? (typeof asked === 'string' ? asked : '')) ?? 'The app'
    if (code === 'access_denied') {
      const account = accountOf(ctx)
      return {
        title: 'Not for this account',
        text: html`<b>${app}</b> is not open to ${account === null ? 'this account' : html`<b>${account}</b>`}.
          The operator of this server can change that.`,
        actions: html`<a class="button" href="${basePath}/signin?again=1">Use another account</a>${home}`
      }
    }
    if (code === 'temporarily_unavailable' || code === 'server_error') return away(app)
    if (code === 'invalid_redirect_uri')
      return {
        title: 'Wrong way back',
        text: `${app} asked to return to an address that is not on its list. The operator of this server has to compare its redirect URI, letter by letter.`
      }
    if (code === 'invalid_client')
      return {
        title: 'Unknown app',
        text: 'An app that is not on the list of this server asked for a sign-in.'
      }
    return {
      title: 'This did not work',
      text: `${app} asked in a way that cannot be answered (${code}). Go back to it and begin again.`,
      actions: home
    }
  }

  return {
    lost: toPage({
      title: 'Begin again in the app',
      text: 'This sign-in is over, or was begun in another browser. Go back to the app and sign in from there.',
      actions: home
    }),
    unavailable: toPage(away('The app')),
    error: (ctx, out) => send(ctx, explain(ctx, out.error)),
    askSignOut(ctx, { action, xsrf }) {
      const target = ctx.oidc.params?.['post_logout_redirect_uri']
      const account = accountOf(ctx)
      send(ctx, {
        title: 'Sign out?',
        text: html`An app asks to sign ${account === null ? 'you' : html`<b>${account}</b>`} out, here and of every
          app that was opened with this sign-in.`,
        actions: html`<form class="stack" method="post" action="${action}">
          <input type="hidden" name="xsrf" value="${xsrf}">
          <button class="button" name="logout" value="yes">Sign out</button>
          <button class="button quiet">Stay signed in</button>
        </form>`,
        formTarget: typeof target === 'string' ? sourceOf(target) : null
      })
    },
    signedOut: (ctx) =>
      send(ctx, { title: 'Signed out', text: 'You are signed out, here and of your apps.', actions: home })
  }
}

/** As a CSP source: the origin of a web address, or the scheme of a native app's address. */
function sourceOf(uri: string): string | null {
  const url = URL.parse(uri)
  if (url === null) return null
  return url.origin === 'null' ? url.protocol : url.origin
}
