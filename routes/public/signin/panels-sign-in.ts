import type { TextKey } from './client/texts.ts'
import { onwardWords } from './destination.ts'
import { type Html, html } from './html.ts'
import { icon } from './icons.ts'
import type { Language } from './language.ts'
import type { PageModel, Refused } from './model.ts'
import { panel } from './panel.ts'

function back({ text }: Language): Html {
  return html`<button class="link back" type="button" data-back>${icon('back')}${text('choose.back')}</button>`
}

/** Five small aisle lights that light up in turn while the page waits for Plex. */
const WAITING = html`<div class="aisle" aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></div>`

function way(id: string, drawing: 'tv' | 'key', title: string, hint: string): Html {
  return html`<li><button class="way" type="button" id="${id}">
    ${icon(drawing)}<span class="way-text"><b>${title}</b><small>${hint}</small></span>${icon('next')}
  </button></li>`
}

/** The ways to sign in. Plex's own page comes first, as a plain form that needs no script. */
export function choosePanel(model: PageModel): Html {
  const { basePath, brand, returnTo, place, language, stay } = model
  const { text } = language
  const onward = onwardWords(place, language)
  return panel(
    model,
    'choose',
    'choose.heading',
    html`
    <p class="lead">${text('choose.lead', { brand: brand.name })}${onward !== null && html` ${onward}`}</p>
    <form method="get" action="${basePath}/session/login" id="plex-form">
      <input type="hidden" name="returnTo" id="plex-return-to" value="${returnTo ?? `${basePath}/signin`}">
      <button class="button" type="submit" id="with-plex">${text('choose.plex')}</button>
    </form>
    <p class="hint">${text('choose.plex-hint')}</p>
    <button class="link needs-script for-desktops" type="button" id="with-window">${text('choose.window')}</button>
    <p class="hint boxed without-script">${text('choose.no-script')}</p>
    <div class="needs-script">
      <p class="or"><span>${text('choose.or')}</span></p>
      <ul class="ways">
        ${way('with-code', 'tv', text('choose.code'), text('choose.code-hint'))}
        ${way('with-password', 'key', text('choose.password'), text('choose.password-hint'))}
      </ul>
    </div>
    ${
      stay !== null &&
      html`<p class="after"><a class="button quiet" id="stay" href="${returnTo ?? `${basePath}/signin`}">${text('choose.stay', { name: stay })}</a></p>`
    }`
  )
}

const REFUSAL_TEXTS: Readonly<Record<Refused['code'], TextKey>> = {
  USHER_SERVER_ACCESS_DENIED: 'refused.server',
  USHER_ACCOUNT_BLOCKED: 'refused.blocked',
  USHER_TWO_FACTOR_REQUIRED: 'refused.two-factor'
}

const REFUSAL_REMEDIES: Readonly<Record<Refused['code'], TextKey>> = {
  USHER_SERVER_ACCESS_DENIED: 'refused.ask',
  USHER_ACCOUNT_BLOCKED: 'refused.blocked-todo',
  USHER_TWO_FACTOR_REQUIRED: 'refused.two-factor-todo'
}

/** An account that may not come in: which one it is, what can be done, and the way in for another. */
export function refusedPanel(model: PageModel): Html | null {
  const { refused, language, brand, basePath, returnTo, plexAppOrigin } = model
  if (refused === null) return null
  const { text, phrase } = language
  const account =
    refused.account === null ? text('refused.this-account') : html`<b><bdi>${refused.account}</bdi></b>`
  const values = { account, brand: brand.name }
  const again = html`<form method="get" action="${basePath}/session/login">
      <input type="hidden" name="returnTo" value="${returnTo ?? `${basePath}/signin`}">
      <button class="button quiet" type="submit">${text('refused.again')}</button>
    </form>`
  const others =
    returnTo === null ? `${basePath}/signin` : `${basePath}/signin?returnTo=${encodeURIComponent(returnTo)}`
  const plex = html`<a href="${plexAppOrigin}" target="_blank" rel="noopener noreferrer">${new URL(plexAppOrigin).host}</a>`
  return panel(
    model,
    'refused',
    'refused.heading',
    html`
    <p class="lead strong" id="refused">${phrase(REFUSAL_TEXTS[refused.code], values)}</p>
    ${refused.code === 'USHER_SERVER_ACCESS_DENIED' && html`<p class="lead">${text('refused.invited')}</p>`}
    <p class="lead">${text(REFUSAL_REMEDIES[refused.code], { brand: brand.name })}</p>
    <div class="stack">
      <a class="button" id="another" href="${others}">${text('refused.another')}</a>
      ${again}
    </div>
    <p class="hint">${phrase('refused.another-hint', { link: plex })}</p>`
  )
}

export function windowPanel(model: PageModel): Html {
  const { text } = model.language
  return panel(
    model,
    'window',
    'window.heading',
    html`
    <p class="lead">${text('window.lead')}</p>
    ${WAITING}
    <p class="hint" id="window-status" role="status"></p>
    <button class="button quiet" type="button" id="window-redirect">${text('window.redirect')}</button>
    ${back(model.language)}`
  )
}

export function codePanel(model: PageModel): Html {
  const { text, phrase } = model.language
  // Nobody opens it on the television itself: there the remote control passes it by.
  const target =
    !model.television && html` href="https://plex.tv/link" target="_blank" rel="noopener noreferrer"`
  const link = html`<a id="code-link"${target}>plex.tv/link</a>`
  return panel(
    model,
    'code',
    'code.heading',
    html`
    <div class="code-columns">
      <div>
        <ol class="steps">
          <li>${phrase('code.open', { link })}</li>
          <li>${text('code.enter')}</li>
        </ol>
        <p class="code" id="code"></p>
        <button class="link" type="button" id="code-copy" hidden>${text('code.copy')}</button>
        <p class="hint" id="code-left"></p>
      </div>
      <figure class="qr"><div id="qr"></div><figcaption>${text('code.scan')}</figcaption></figure>
    </div>
    ${WAITING}
    <p class="hint" id="code-status" role="status"></p>
    <button class="button" type="button" id="code-again" hidden>${text('code.again')}</button>
    ${back(model.language)}`
  )
}

export function passwordPanel(model: PageModel): Html {
  const { text } = model.language
  return panel(
    model,
    'password',
    'password.heading',
    html`
    <form method="post" action="${model.basePath}/session/login" id="password-form" novalidate>
      <label for="login">${text('password.login')}</label>
      <input id="login" name="login" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" dir="ltr" required>
      <label for="password">${text('password.password')}</label>
      <div class="with-button">
        <input id="password" name="password" type="password" autocomplete="current-password" dir="ltr" required>
        <button class="inside" type="button" id="show-password" aria-pressed="false" aria-controls="password">${text('password.show')}</button>
      </div>
      <p class="beside"><a id="forgot" href="${model.plexAppOrigin}/auth#?resetPassword" target="_blank" rel="noopener noreferrer">${text('password.forgot')}</a></p>
      <button class="button" type="submit" id="password-submit">${text('password.submit')}</button>
    </form>
    <p class="hint">${text('password.hint')}</p>
    ${back(model.language)}`
  )
}

/** The second step of a password sign-in, for accounts with two factors. */
export function verificationPanel(model: PageModel): Html {
  const { text } = model.language
  return panel(
    model,
    'verification',
    'verification.heading',
    html`
    <p class="lead" id="verification-lead"></p>
    <form method="post" action="${model.basePath}/session/login" id="verification-form" novalidate>
      <label for="verification-code">${text('verification.code')}</label>
      <input class="digits" id="verification-code" name="verificationCode" type="text" inputmode="numeric"
        autocomplete="one-time-code" maxlength="12" dir="ltr" required aria-describedby="verification-hint">
      <p class="hint" id="verification-hint">${text('verification.hint')}</p>
      <button class="button" type="submit" id="verification-submit">${text('password.submit')}</button>
    </form>
    <button class="link back" type="button" id="verification-back">${icon('back')}${text('verification.back')}</button>`
  )
}
