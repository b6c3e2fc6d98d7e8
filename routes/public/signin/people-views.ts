import type { AccountView, ListedSession, SessionList } from '../../../src/people/views.ts'
import { type Html, html } from './html.ts'
import { ICONS, icon } from './icons.ts'
import type { Language } from './language.ts'
import { brandHeader, footer, head } from './template.ts'
import { timeElement } from './time-element.ts'

export interface ListPage {
  readonly language: Language
  readonly basePath: string
  readonly assetsPath: string
  readonly brand: { readonly name: string; readonly logoPath: string | null }
  /** Whether the links of the owner are shown. */
  readonly isOwner: boolean
  readonly television: boolean
  /** Null on a page that is none of the lists. */
  readonly current: 'devices' | 'people' | 'events' | null
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
  readonly no: string
  readonly back: string
}

/** How sessions are listed: `path` is the page that asks before one ends, `names` whether it says whose each is. */
export interface SessionListing {
  readonly path: string
  readonly names: boolean
  readonly language: Language
}

/** A page of lists in the hand of the sign-in page. */
export function renderListPage(page: ListPage): string {
  const { assetsPath, basePath, heading, content, language } = page
  const script = html`<script type="module" src="${assetsPath}/live.js"></script>`
  return html`${head(page, heading, script)}
<body class="lists">
  ${ICONS}
  ${brandHeader(page.brand)}
  <main data-live="${basePath}/signin/live">
    ${links(page)}
    <h1 id="heading" tabindex="-1">${heading}</h1>
    ${content}
  </main>
  ${footer(language)}
</body>
</html>
`.markup
}

function links({ basePath, current, isOwner, language: { text } }: ListPage): Html {
  const link = (name: NonNullable<ListPage['current']>) =>
    html`<li><a id="to-${name}" href="${basePath}/signin/${name}"${current === name && html` aria-current="page"`}>${text(`${name}.heading`)}</a></li>`
  return html`<nav aria-label="${text('lists.nav')}"><ul class="tabs">
    <li><a id="to-account" href="${basePath}/signin">${text('lists.account')}</a></li>
    ${link('devices')}${isOwner ? [link('people'), link('events')] : null}
  </ul></nav>`
}

/** Sessions, each with a link that asks before it ends. */
export function sessionItems({ sessions, complete }: SessionList, listing: SessionListing): Html {
  const items = sessions.map((session) => sessionItem(session, listing))
  return html`<ul class="entries">${items}</ul>${
    complete ? null : html`<p class="hint">${listing.language.text('devices.incomplete')}</p>`
  }`
}

function sessionItem(session: ListedSession, { path, names, language }: SessionListing): Html {
  const { handle, current, account, device, network, signedInAt, lastSeenAt, apps, streams } = session
  const { text, phrase } = language
  const kind = text(`devices.${device.kind}`)
  // By itself it is a heading, and not "on a television".
  const name = device.name === 'a television' ? kind : (deviceInPhrase(device.name, language) ?? kind)
  const films = streams.filter((stream) => stream.kind === 'media')
  const facts: Html[] = [
    fact(text('devices.kind'), network === '' ? kind : text('devices.network', { kind, network })),
    fact(text('devices.since'), timeElement(`since-${handle}`, signedInAt, language)),
    fact(text('devices.seen'), timeElement(`seen-${handle}`, lastSeenAt, language))
  ]
  if (apps.length > 0) facts.push(fact(text('devices.apps'), apps.map((app) => app.name).join(', ')))
  if (films.length > 0) {
    const titles = [...new Set(films.map(({ title }) => title ?? text('devices.some-film')))]
    facts.push(fact(text('devices.playing'), titles.join(', ')))
  }
  const whose = names
    ? phrase('devices.whose', { name: html`<bdi>${account.title}</bdi>`, device: name })
    : html`${name}`
  return html`<li class="entry">
    <h2>${whose}${current && html` <small class="badge">${text('devices.this')}</small>`}</h2>
    <dl class="facts">${facts}</dl>
    <a class="button quiet" id="end-${handle}" href="${path}?end=${handle}">${text('devices.end')}<span class="unseen"> ${whose}</span></a>
  </li>`
}

/** Tells the owner that USHER_PLEX_TOKEN does not serve, and the remedy. */
export function ownerTokenNotice(
  trouble: 'dead' | 'not_the_owner' | null,
  { text, phrase }: Language
): Html | null {
  if (trouble === null) return null
  const todo = phrase('owner-token.todo', {
    setting: html`<code>USHER_PLEX_TOKEN_FILE</code>`,
    command: html`<code>node dist/src/server.js <span>--link-owner</span></code>`
  })
  const what = text(trouble === 'dead' ? 'owner-token.dead' : 'owner-token.foreign')
  return html`<div class="notice problem" id="owner-token">${icon('alert')}<p><b>${what}</b> ${todo}</p></div>`
}

function fact(term: string, detail: Html | string): Html {
  return html`<div><dt>${term}</dt><dd>${detail}</dd></div>`
}

/** "Firefox on Windows", as the parser says it, in the language of the page: in the middle of a sentence. */
export function deviceInPhrase(name: string, { text }: Language): string | null {
  if (name === '') return null
  const [browser = '', system] = name.split(/ on (?!.* on )/)
  const words = (part: string) => (part === 'a television' ? text('devices.television') : part)
  return system === undefined
    ? words(browser)
    : text('devices.browser-on', { browser, system: words(system) })
}

export function accountItems(accounts: readonly AccountView[], path: string, language: Language): Html {
  const { text, phrase } = language
  const items = accounts.map(({ id, title, username, role, blocked, sessions, lastSeenAt }) => {
    const name = title || username || text('people.unnamed', { id })
    const hidden = html`<span class="unseen">: ${name}</span>`
    const count = phrase('people.of', {
      count: html`</span>${String(sessions)}<span class="unseen">`,
      name
    })
    const isSelf = role === 'owner'
    return html`<li class="entry">
    <h2><bdi>${name}</bdi>${blocked && html` <small class="badge">${text('people.blocked')}</small>`}</h2>
    <dl class="facts">
      ${role !== 'none' && fact(text('people.role'), text(`role.${role}`))}
      <div><dt>${text('devices.heading')}</dt><dd><a id="devices-${id}" href="${path}?account=${id}"><span class="unseen">${count}</span></a></dd></div>
      ${lastSeenAt !== null && fact(text('devices.seen'), timeElement(`account-${id}`, lastSeenAt, language))}
    </dl>
    <div class="row">
      ${sessions > 0 && html`<a class="button quiet" id="out-${id}" href="${path}?out=${id}">${text('people.out')}${hidden}</a>`}
      ${
        isSelf
          ? null
          : html`<a class="button quiet" id="block-${id}" href="${path}?${blocked ? 'unblock' : 'block'}=${id}">${text(
              blocked ? 'people.unblock' : 'people.block'
            )}${hidden}</a>`
      }
    </div>
  </li>`
  })
  return html`<ul class="entries">${items}</ul>`
}

interface EventListing {
  /** Of accounts, by their ids, as far as they are known. */
  readonly names: ReadonlyMap<string, string>
  readonly path: string
  readonly language: Language
}

export function eventItems(events: readonly ListedEvent[], { names, path, language }: EventListing): Html {
  const { text } = language
  if (events.length === 0) return html`<p class="lead">${text('events.none')}</p>`
  const rows = events.map(({ id, at, event, ...fields }) => {
    const given = Object.entries(fields).filter(([, value]) => value !== null)
    const write = ([name, value]: (typeof given)[number]) => {
      const account = name === 'accountId' || name === 'by' ? names.get(String(value)) : undefined
      return account === undefined ? `${name} ${value}` : `${name} ${value} (${account})`
    }
    return html`<li>${timeElement(`event-${id}`, at, language)}<b>${event}</b><p>${given.map(write).join(', ')}</p></li>`
  })
  const last = events.at(-1)?.id ?? ''
  return html`<ol class="events" aria-labelledby="heading">${rows}</ol>
    ${events.length >= 100 && html`<p><a class="button quiet" id="earlier" href="${path}?before=${last}">${text('events.earlier')}</a></p>`}`
}

export function questionForm({ text, detail, action, fields, yes, no, back }: Question): Html {
  const inputs = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`
  )
  return html`<p class="question">${text}</p><p class="lead">${detail}</p>
    <form method="post" action="${action}" class="row">${inputs}
      <a class="button quiet" id="cancel" href="${back}">${no}</a>
      <button class="button" type="submit" id="yes">${yes}</button>
    </form>`
}
