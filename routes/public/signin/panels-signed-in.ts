import { initialOf, roleWords } from './client/words.ts'
import { type Html, html } from './html.ts'
import { icon } from './icons.ts'
import type { PageModel } from './model.ts'
import { panel } from './panel.ts'
import { timeElement } from './time-element.ts'

export function profilesPanel(model: PageModel): Html {
  return panel(
    model,
    'profiles',
    'Who is watching?',
    html`
    <p class="lead">Choose your Plex Home profile.</p>
    <ul class="people" id="profiles"></ul>
    <button class="button quiet" type="button" id="profiles-skip">Not now</button>`
  )
}

export function serversPanel(model: PageModel): Html {
  return panel(
    model,
    'servers',
    'Choose a server',
    html`
    <p class="lead" id="servers-lead">Your account can use these media servers.</p>
    <ul class="ways" id="servers"></ul>
    <button class="link back" type="button" id="servers-back">${icon('back')}Not now</button>`
  )
}

/** Who is signed in. Complete without scripts, which only add the buttons and local times. */
export function accountPanel(model: PageModel): Html {
  const { session, returnTo } = model
  return panel(
    model,
    'account',
    'You are signed in',
    html`
    <div class="who">
      <span class="avatar large" id="account-avatar" aria-hidden="true">${
        session === null ? null : html`<span>${initialOf(session.account.title)}</span>`
      }</span>
      <p><b id="account-title">${session?.account.title ?? ''}</b><span id="account-role">${
        session === null ? '' : roleWords(session.role)
      }</span></p>
    </div>
    <dl class="facts">
      <div><dt>Server</dt><dd id="account-server">${session?.server?.name ?? 'None chosen'}</dd></div>
      ${
        model.apps.entered.length === 0
          ? null
          : html`<div><dt>Apps in use</dt><dd>${model.apps.entered.join(', ')}</dd></div>`
      }
      <div><dt>Signed in</dt><dd>${timeElement('account-since', session?.signedInAt)}</dd></div>
      <div><dt>Expires if unused</dt><dd>${timeElement('account-idle', session?.idleExpiresAt)}</dd></div>
      <div><dt>Expires at the latest</dt><dd>${timeElement('account-ends', session?.expiresAt)}</dd></div>
    </dl>
    ${returnTo === null ? null : html`<a class="button" id="continue" href="${returnTo}">Continue</a>`}
    ${appList(model)}
    <p class="row"><a class="button quiet" id="devices" href="${model.basePath}/signin/devices">Devices</a>${
      session?.role === 'owner' && !model.serverChoice
        ? html`<a class="button quiet" id="people" href="${model.basePath}/signin/people">People</a>`
        : null
    }</p>
    <noscript><p class="hint boxed">Signing out, and choosing a profile or a server, need JavaScript,
      which is turned off in this browser.</p></noscript>
    <div class="needs-script stack">
      <button class="button quiet" type="button" id="switch-profile" hidden>Switch profile</button>
      <button class="button quiet" type="button" id="change-server"${!model.serverChoice && html` hidden`}>Change server</button>
      <button class="button quiet" type="button" id="sign-out">Sign out</button>
      <button class="link" type="button" id="sign-out-everywhere">Sign out on all devices…</button>
    </div>`
  )
}

/** A start page: the apps that this account may open. */
function appList({ apps, basePath }: PageModel): Html | null {
  if (apps.open.length === 0) return null
  const rows = apps.open.map(
    ({ id, name, url, hasIcon }) =>
      html`<li><a class="way" href="${url}">${
        hasIcon
          ? html`<img class="app-icon" src="${basePath}/signin/apps/${id}" alt="">`
          : html`<span class="app-icon" aria-hidden="true">${initialOf(name)}</span>`
      }<span class="way-text"><b>${name}</b></span>${icon('next')}</a></li>`
  )
  return html`<h2 class="apps-heading">Your apps</h2><ul class="ways apps">${rows}</ul>`
}

export function closedPanel(model: PageModel): Html {
  return panel(
    model,
    'closed',
    'You are signed in here',
    html`
    <p class="lead">You can close this window. The page you came from continues on its own.</p>
    <button class="button quiet needs-script" type="button" id="close-window">Close this window</button>`
  )
}

export const DIALOGS = html`
  <dialog id="pin-dialog" aria-labelledby="pin-heading">
    <form method="dialog" id="pin-form" novalidate>
      <span class="avatar large" id="pin-avatar" aria-hidden="true"></span>
      <h2 id="pin-heading">Enter the PIN</h2>
      <label for="pin">Four digits</label>
      <input class="digits" id="pin" name="pin" type="password" inputmode="numeric" pattern="[0-9]*" maxlength="4"
        autocomplete="off" aria-describedby="pin-problem">
      <p class="field-problem" id="pin-problem" role="alert"></p>
      <div class="row">
        <button class="button quiet" type="button" id="pin-cancel">Cancel</button>
        <button class="button" type="submit" id="pin-submit">Continue</button>
      </div>
    </form>
  </dialog>
  <dialog id="everywhere-dialog" aria-labelledby="everywhere-heading" aria-describedby="everywhere-text">
    <form method="dialog">
      <h2 id="everywhere-heading">Sign out on all devices?</h2>
      <p id="everywhere-text">This signs out every browser that uses this account here, including this one.
        Other Plex apps stay signed in.</p>
      <div class="row">
        <button class="button quiet" type="submit" value="no">Cancel</button>
        <button class="button" type="submit" value="yes" id="everywhere-yes">Sign out</button>
      </div>
    </form>
  </dialog>
  <template id="lock">${icon('lock')}</template>
  <template id="server-row"><li><button class="way" type="button">${icon('server')}<span class="way-text"><b></b><small></small></span>${icon('next')}</button></li></template>`
