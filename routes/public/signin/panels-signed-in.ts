import { initialOf } from './client/texts.ts'
import { continueWords } from './destination.ts'
import { type Html, html } from './html.ts'
import { icon } from './icons.ts'
import type { PageModel } from './model.ts'
import { panel } from './panel.ts'
import { timeElement } from './time-element.ts'

export function profilesPanel(model: PageModel): Html {
  const { text } = model.language
  return panel(
    model,
    'profiles',
    'profiles.heading',
    html`
    <p class="lead">${text('profiles.lead')}</p>
    <ul class="people" id="profiles"></ul>
    <button class="button quiet" type="button" id="profiles-skip">${text('profiles.skip')}</button>`
  )
}

export function serversPanel(model: PageModel): Html {
  const { text } = model.language
  return panel(
    model,
    'servers',
    'servers.heading',
    html`
    <p class="lead" id="servers-lead">${text('servers.lead')}</p>
    <ul class="ways" id="servers"></ul>
    <button class="link back" type="button" id="servers-back">${icon('back')}${text('servers.back')}</button>`
  )
}

/** Who is signed in. Complete without scripts, which add the picture, local times and the choice of a profile. */
export function accountPanel(model: PageModel): Html {
  const { session, basePath, language } = model
  const { text } = language
  const time = (id: string, instant: string | undefined) => timeElement(id, instant, language)
  return panel(
    model,
    'account',
    'account.heading',
    html`
    <div class="who">
      <span class="avatar large" id="account-avatar" aria-hidden="true">${
        session === null ? null : html`<span>${initialOf(session.account.title)}</span>`
      }</span>
      <p><b id="account-title">${session?.account.title ?? ''}</b><span id="account-role">${
        session === null ? '' : text(`role.${session.role}`)
      }</span></p>
    </div>
    ${continueLink(model, 'continue')}
    ${appList(model)}
    <dl class="facts">
      <div><dt>${text('account.server')}</dt><dd id="account-server">${session?.server?.name ?? text('account.no-server')}</dd></div>
      ${
        model.apps.entered.length === 0
          ? null
          : html`<div><dt>${text('account.apps')}</dt><dd>${model.apps.entered.join(', ')}</dd></div>`
      }
      <div><dt>${text('account.since')}</dt><dd>${time('account-since', session?.signedInAt)}</dd></div>
      <div><dt>${text('account.idle')}</dt><dd>${time('account-idle', session?.idleExpiresAt)}</dd></div>
      <div><dt>${text('account.ends')}</dt><dd>${time('account-ends', session?.expiresAt)}</dd></div>
    </dl>
    <p class="row"><a class="button quiet" id="devices" href="${basePath}/signin/devices">${text('devices.heading')}</a>${
      session?.role === 'owner' && !model.serverChoice
        ? html`<a class="button quiet" id="people" href="${basePath}/signin/people">${text('people.heading')}</a>`
        : null
    }</p>
    <p class="hint boxed without-script">${text('account.no-script')}</p>
    <div class="needs-script stack">
      <button class="button quiet" type="button" id="switch-profile" hidden>${text('account.switch')}</button>
      <button class="button quiet" type="button" id="change-server"${!model.serverChoice && html` hidden`}>${text('account.change-server')}</button>
    </div>
    <form method="post" action="${basePath}/signin/sign-out" class="stack">
      <button class="button quiet" type="submit" id="sign-out">${text('account.sign-out')}</button>
    </form>
    <a class="link" id="sign-out-everywhere" href="${basePath}/signin?everywhere=1">${text('account.everywhere')}</a>`
  )
}

/** The way on to whatever asked for the sign-in. */
function continueLink({ returnTo, place, language }: PageModel, id: string): Html | null {
  if (returnTo === null || place === null) return null
  return html`<a class="button" id="${id}" href="${returnTo}">${continueWords(place, language)}</a>`
}

/** A start page: the apps that this account may open. */
function appList({ apps, basePath, language }: PageModel): Html | null {
  if (apps.open.length === 0) return null
  const rows = apps.open.map(
    ({ id, name, url, hasIcon }) =>
      html`<li><a class="way" href="${url}">${
        hasIcon
          ? html`<img class="app-icon" src="${basePath}/signin/apps/${id}" alt="">`
          : html`<span class="app-icon" aria-hidden="true">${initialOf(name)}</span>`
      }<span class="way-text"><b>${name}</b></span>${icon('next')}</a></li>`
  )
  return html`<h2 class="apps-heading">${language.text('account.your-apps')}</h2><ul class="ways apps">${rows}</ul>`
}

/** One question before every browser of the account is signed out. */
export function everywherePanel(model: PageModel): Html | null {
  const { basePath, session, language, everywhere } = model
  const { text } = language
  if (session === null || !everywhere) return null
  return panel(
    model,
    'everywhere',
    'everywhere.heading',
    html`
    <p class="lead">${text('everywhere.text')}</p>
    <form method="post" action="${basePath}/signin/sign-out" class="row">
      <input type="hidden" name="everywhere" value="yes">
      <a class="button quiet" id="everywhere-no" href="${basePath}/signin">${text('cancel')}</a>
      <button class="button" type="submit" id="everywhere-yes">${text('everywhere.yes')}</button>
    </form>`
  )
}

export function closedPanel(model: PageModel): Html {
  const { text } = model.language
  return panel(
    model,
    'closed',
    'window.closed-heading',
    html`
    <p class="lead">${text('window.closed-lead')}</p>
    <button class="button quiet needs-script" type="button" id="close-window">${text('window.close')}</button>`
  )
}

/** The PIN of a profile. The fourth digit sends it. */
export function pinDialog({ language: { text } }: PageModel): Html {
  return html`
  <dialog id="pin-dialog" aria-labelledby="pin-heading">
    <form method="dialog" id="pin-form" novalidate>
      <span class="avatar large" id="pin-avatar" aria-hidden="true"></span>
      <h2 id="pin-heading">${text('pin.heading')}</h2>
      <label for="pin">${text('pin.label')}</label>
      <input class="digits" id="pin" name="pin" type="password" inputmode="numeric" pattern="[0-9]*" maxlength="4"
        autocomplete="off" dir="ltr" aria-describedby="pin-problem">
      <p class="field-problem" id="pin-problem" role="alert"></p>
      <div class="row">
        <button class="button quiet" type="button" id="pin-cancel">${text('cancel')}</button>
        <button class="button" type="submit" id="pin-submit">${text('pin.submit')}</button>
      </div>
    </form>
  </dialog>`
}
