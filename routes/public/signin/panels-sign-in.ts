import { type Html, html } from './html.ts'
import { icon } from './icons.ts'
import type { PageModel } from './model.ts'
import { panel } from './panel.ts'

const BACK = html`<button class="link back" type="button" data-back>${icon('back')}Other ways to sign in</button>`

/** Five small aisle lights that light up in turn while the page waits for Plex. */
const WAITING = html`<div class="aisle" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></div>`

function way(id: string, drawing: 'window' | 'tv' | 'key', title: string, hint: string): Html {
  return html`<li><button class="way" type="button" id="${id}">
    ${icon(drawing)}<span class="way-text"><b>${title}</b><small>${hint}</small></span>${icon('next')}
  </button></li>`
}

/** The ways to sign in. Plex's own page comes first, as a plain form that needs no script. */
export function choosePanel(model: PageModel): Html {
  const { basePath, brand, returnTo } = model
  return panel(
    model,
    'choose',
    'Sign in',
    html`
    <p class="lead">${brand.name} uses your Plex account.${
      returnTo === null ? null : html` You will continue to the page you asked for.`
    }</p>
    <form method="get" action="${basePath}/session/login" id="plex-form">
      <input type="hidden" name="returnTo" id="plex-return-to" value="${returnTo ?? `${basePath}/signin`}">
      <button class="button" type="submit" id="with-plex">Sign in with Plex</button>
    </form>
    <p class="hint">You sign in on Plex’s own page and come back here. Your password stays with Plex.</p>
    <noscript><p class="hint boxed">Signing in with a password or a code, and choosing a profile, need JavaScript,
      which is turned off in this browser. The button above works without it.</p></noscript>
    <div class="needs-script">
      <p class="or"><span>or</span></p>
      <ul class="ways">
        ${way('with-window', 'window', 'In a small window', 'Plex opens next to this page')}
        ${way('with-code', 'tv', 'With a code', 'For TVs: confirm on your phone')}
        ${way('with-password', 'key', 'With a password', 'Your Plex e-mail address or username')}
      </ul>
    </div>`
  )
}

export function windowPanel(model: PageModel): Html {
  return panel(
    model,
    'window',
    'Continue in the small window',
    html`
    <p class="lead">Sign in to Plex in the window that just opened. This page continues on its own.</p>
    ${WAITING}
    <p class="hint" id="window-status" role="status"></p>
    <button class="button quiet" type="button" id="window-redirect">Use this page instead</button>
    ${BACK}`
  )
}

export function codePanel(model: PageModel): Html {
  return panel(
    model,
    'code',
    'Sign in with a code',
    html`
    <div class="code-columns">
      <div>
        <ol class="steps">
          <li>On your phone or computer, open
            <a id="code-link" href="https://plex.tv/link" target="_blank" rel="noopener noreferrer">plex.tv/link</a></li>
          <li>Enter this code:</li>
        </ol>
        <p class="code" id="code"></p>
        <p class="hint" id="code-left"></p>
      </div>
      <figure class="qr"><div id="qr"></div><figcaption>or scan this</figcaption></figure>
    </div>
    ${WAITING}
    <p class="hint" id="code-status" role="status"></p>
    <button class="button" type="button" id="code-again" hidden>Show a new code</button>
    ${BACK}`
  )
}

export function passwordPanel(model: PageModel): Html {
  return panel(
    model,
    'password',
    'Sign in with a password',
    html`
    <form method="post" action="${model.basePath}/session/login" id="password-form" novalidate>
      <label for="login">E-mail address or username</label>
      <input id="login" name="login" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" required>
      <label for="password">Plex password</label>
      <div class="with-button">
        <input id="password" name="password" type="password" autocomplete="current-password" required>
        <button class="inside" type="button" id="show-password" aria-pressed="false" aria-controls="password">Show</button>
      </div>
      <div id="verification" hidden>
        <label for="verification-code">Verification code</label>
        <input class="digits" id="verification-code" name="verificationCode" type="text" inputmode="numeric"
          autocomplete="one-time-code" maxlength="12" aria-describedby="verification-hint">
        <p class="hint" id="verification-hint">Six digits from your authenticator app, or a recovery code.</p>
      </div>
      <button class="button" type="submit" id="password-submit">Sign in</button>
    </form>
    <p class="hint">If you sign in to Plex with Google, Apple or Facebook, you may have no Plex password: go back and
      choose “Sign in with Plex”.</p>
    ${BACK}`
  )
}
