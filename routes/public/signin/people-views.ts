import type { AccountView, ListedSession, SessionList } from '../../../src/people/views.ts'
import { roleWords } from './client/words.ts'
import { type Html, html } from './html.ts'
import { ICONS, icon, MARK } from './icons.ts'
import { timeElement } from './time-element.ts'

export interface ListPage {
  readonly basePath: string
  readonly assetsPath: string
  readonly brand: { readonly name: string; readonly logoPath: string | null }
  /** Whether the links of the owner are shown. */
  readonly isOwner: boolean
  readonly current: 'devices' | 'people' | 'events'
  readonly heading: string
  readonly content: Html
}

export interface ListedEvent {
  readonly id: string
  readonly at: string
  readonly event: string
  readonly [field: string]: string | number | boolean | null
}

/** One question before something ends: a form that is complete without scripts. */
export interface Question {
  readonly text: string
  readonly detail: string
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
  readonly yes: string
  readonly back: string
}

const KIND_WORDS = {
  desktop: 'Computer',
  phone: 'Phone',
  tablet: 'Tablet',
  tv: 'Television',
  other: 'Device'
} as const

/** A page of lists in the hand of the sign-in page. */
export function renderListPage(page: ListPage): string {
  const { assetsPath, basePath, brand, heading, content } = page
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex, nofollow">
  <title>${heading} · ${brand.name}</title>
  <link rel="icon" href="${assetsPath}/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="${assetsPath}/style.css">
  <script type="module" src="${assetsPath}/live.js"></script>
</head>
<body class="lists">
  ${ICONS}
  <header class="brand">
    ${brand.logoPath === null ? MARK : html`<img class="mark" src="${brand.logoPath}" alt="">`}
    <span>${brand.name}</span>
  </header>
  <main data-live="${basePath}/signin/live">
    ${links(page)}
    <h1 id="heading" tabindex="-1">${heading}</h1>
    ${content}
  </main>
  <footer><p>Not made by Plex. Plex is a trademark of Plex, Inc.</p></footer>
</body>
</html>
`.markup
}

function links({ basePath, current, isOwner }: ListPage): Html {
  const link = (name: ListPage['current'], text: string) =>
    html`<li><a href="${basePath}/signin/${name}"${current === name && html` aria-current="page"`}>${text}</a></li>`
  return html`<nav aria-label="Your account"><ul class="tabs">
    <li><a href="${basePath}/signin">Account</a></li>
    ${link('devices', 'Devices')}${isOwner ? [link('people', 'People'), link('events', 'Events')] : null}
  </ul></nav>`
}

/** Sessions, each with a link that asks before it ends. `path` is the page that asks. */
export function sessionItems({ sessions, complete }: SessionList, path: string, names: boolean): Html {
  const items = sessions.map((session) => sessionItem(session, path, names))
  return html`<ul class="entries">${items}</ul>${
    complete
      ? null
      : html`<p class="hint">A device that has not been used for a while may be missing. It appears when it comes back.</p>`
  }`
}

function sessionItem(session: ListedSession, path: string, names: boolean): Html {
  const { handle, current, account, device, network, signedInAt, lastSeenAt, apps, streams } = session
  const kind = KIND_WORDS[device.kind]
  const name = device.name === '' ? kind : device.name
  const films = streams.filter((stream) => stream.kind === 'media')
  const facts: Html[] = [
    html`<div><dt>Kind</dt><dd>${kind}${network !== '' && html`, network ${network}`}</dd></div>`,
    html`<div><dt>Signed in</dt><dd>${timeElement(`since-${handle}`, signedInAt)}</dd></div>`,
    html`<div><dt>Last seen</dt><dd>${timeElement(`seen-${handle}`, lastSeenAt)}</dd></div>`
  ]
  if (apps.length > 0)
    facts.push(html`<div><dt>Apps</dt><dd>${apps.map((app) => app.name).join(', ')}</dd></div>`)
  if (films.length > 0) {
    const titles = [...new Set(films.map(({ title }) => title ?? 'a film or a show'))]
    facts.push(html`<div><dt>Playing now</dt><dd>${titles.join(', ')}</dd></div>`)
  }
  const whose = names ? html`${account.title}: ${name}` : html`${name}`
  return html`<li class="entry">
    <h2>${whose}${current && html` <small class="badge">This device</small>`}</h2>
    <dl class="facts">${facts}</dl>
    <a class="button quiet" id="end-${handle}" href="${path}?end=${handle}">End<span class="for-readers"> ${whose}</span></a>
  </li>`
}

/** Tells the owner that USHER_PLEX_TOKEN does not serve, and the remedy. */
export function ownerTokenNotice(trouble: 'dead' | 'not_the_owner' | null): Html | null {
  if (trouble === null) return null
  const what =
    trouble === 'dead'
      ? 'Plex no longer accepts your token for Usher.'
      : 'The token that Usher has is not of this server’s owner.'
  return html`<div class="notice problem" id="owner-token">${icon('alert')}<p><b>${what}</b>
    Until it is renewed, each device is asked by itself who may still come in, which takes longer. Nobody is signed out by
    this. On the machine that runs Usher, with <code>USHER_PLEX_TOKEN_FILE</code> set, run
    <code>node dist/src/server.js --link-owner</code>, enter its code at plex.tv/link, and restart Usher.</p></div>`
}

export function accountItems(accounts: readonly AccountView[], path: string): Html {
  const items = accounts.map(({ id, title, username, role, blocked, sessions, lastSeenAt }) => {
    const name = title || username || `Account ${id}`
    const isSelf = role === 'owner'
    return html`<li class="entry">
    <h2>${name}${blocked && html` <small class="badge">Blocked</small>`}</h2>
    <dl class="facts">
      ${role !== 'none' && html`<div><dt>Role</dt><dd>${roleWords(role)}</dd></div>`}
      <div><dt>Devices</dt><dd><a id="devices-${id}" href="${path}?account=${id}">${sessions}<span class="for-readers"> of ${name}</span></a></dd></div>
      ${lastSeenAt !== null && html`<div><dt>Last seen</dt><dd>${timeElement(`account-${id}`, lastSeenAt)}</dd></div>`}
    </dl>
    <div class="row">
      ${sessions > 0 && html`<a class="button quiet" id="out-${id}" href="${path}?out=${id}">Sign out everywhere<span class="for-readers">: ${name}</span></a>`}
      ${
        isSelf
          ? null
          : html`<a class="button quiet" id="block-${id}" href="${path}?${blocked ? 'unblock' : 'block'}=${id}">${
              blocked ? 'Let in again' : 'Block'
            }<span class="for-readers">: ${name}</span></a>`
      }
    </div>
  </li>`
  })
  return html`<ul class="entries">${items}</ul>`
}

export function eventItems(events: readonly ListedEvent[], path: string): Html {
  if (events.length === 0) return html`<p class="lead">Nothing has happened yet.</p>`
  const rows = events.map(({ id, at, event, ...fields }) => {
    const told = Object.entries(fields).filter(([, value]) => value !== null)
    return html`<tr><td>${timeElement(`event-${id}`, at)}</td><td>${event}</td><td>${told
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}</td></tr>`
  })
  const last = events.at(-1)?.id ?? ''
  return html`<div class="scroll" role="region" aria-label="Events" tabindex="0"><table>
    <thead><tr><th scope="col">When</th><th scope="col">What</th><th scope="col">More</th></tr></thead>
    <tbody>${rows}</tbody></table></div>
    ${events.length >= 100 && html`<p><a class="button quiet" href="${path}?before=${last}">Earlier</a></p>`}`
}

export function questionForm({ text, detail, action, fields, yes, back }: Question): Html {
  const inputs = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`
  )
  return html`<p class="lead">${text}</p><p>${detail}</p>
    <form method="post" action="${action}" class="row">${inputs}
      <a class="button quiet" id="cancel" href="${back}">Cancel</a>
      <button class="button" type="submit" id="yes">${yes}</button>
    </form>`
}
