import { type Notifications, UsherError } from 'usher-client'
import { moveByArrows } from './arrows.ts'
import { make } from './dom.ts'
import { homePage, searchPage } from './home.ts'
import { readHome, usher } from './library.ts'
import { chooseProfile, devicesPage } from './people.ts'
import type { Player } from './player.ts'
import { titlePage } from './title.ts'
import { welcomePage } from './welcome.ts'

const content = document.querySelector('main') as HTMLElement
const header = document.querySelector('header') as HTMLElement

/** The first pictures have the line to themselves. */
const QUIET_MS = 2000

let player: Player | null = null
let events: Notifications | null = null
let isSignedIn = false
let visit = 0

/** Why a session is over, in words for people. Its codes are a closed list. */
function explain({ code, message }: UsherError): string {
  if (code === 'USHER_SESSION_EXPIRED')
    return 'You were away for a long time, so you were signed out. Sign in again.'
  if (code === 'USHER_SESSION_REVOKED')
    return 'The session was ended on another device, or at Plex. Sign in again.'
  if (code === 'USHER_SESSION_REQUIRED') return 'You are signed out. Sign in again.'
  return message
}

usher.onSessionEnd((error) => {
  if (!isSignedIn) return
  isSignedIn = false
  events?.close()
  const reason = explain(error)
  header.replaceChildren()
  if (player === null) content.replaceChildren(...welcomePage(reason, begin))
  else player.stop(reason, make('button', { onclick: () => usher.signIn() }, 'Sign in again'))
})

/** The page of an address, `#/title/6001?at=0`. */
async function show(): Promise<void> {
  visit += 1
  const number = visit
  const closing = player?.close()
  player = null
  const [path = '', query = ''] = location.hash.slice(1).split('?')
  const [, place = '', key = ''] = path.split('/')
  const parameters = new URLSearchParams(query)
  document.body.classList.toggle('playing', place === 'play')
  try {
    await closing
    const page = await pageOf(place, key, parameters)
    if (number !== visit) return
    content.replaceChildren(...page)
    const heading = content.querySelector('h1')?.textContent
    document.title = heading ? `${heading} – Cinema` : 'Cinema'
    scrollTo(0, 0)
    if (place !== 'search') content.focus({ preventScroll: true })
  } catch (error) {
    if (number === visit && isSignedIn)
      content.replaceChildren(
        make('p', { className: 'empty', role: 'alert' }, String((error as Error).message))
      )
  }
}

async function pageOf(place: string, key: string, parameters: URLSearchParams): Promise<Node[]> {
  if (!isSignedIn) return welcomePage(null, begin)
  if (place === 'title') return titlePage(key)
  if (place === 'search') return searchPage(parameters.get('q') ?? '')
  if (place === 'devices') return devicesPage()
  if (place === 'play') {
    const at = parameters.get('at')
    const { openPlayer } = await import('./player.ts')
    player = await openPlayer(key, at === null ? undefined : Number(at))
    return [player.element]
  }
  return homePage(await readHome())
}

function showHeader(title: string): void {
  header.replaceChildren(
    make('a', { className: 'brand', href: '#/' }, 'Cinema'),
    make(
      'nav',
      { 'aria-label': 'Main' },
      make('a', { href: '#/' }, 'Home'),
      make('a', { href: '#/search' }, 'Search'),
      make('a', { href: '#/devices' }, 'Devices')
    ),
    make(
      'button',
      {
        className: 'quiet',
        title: 'Change the profile',
        onclick: () => void chooseProfile(begin)
      },
      title
    ),
    make(
      'button',
      { className: 'quiet', onclick: () => void usher.signOut().then(() => location.reload()) },
      'Sign out'
    )
  )
}

/** On a slow line each question costs a round trip: the films are asked for before the answer who that is. */
async function start(): Promise<void> {
  const isHome = /^#?\/?$/.test(location.hash)
  const early = isHome ? readHome().catch(() => null) : null
  const before = visit
  const session = await usher.session()
  isSignedIn = session !== null
  if (session !== null) showHeader(session.account.title)
  else header.replaceChildren()
  const hubs = await early
  // The person may have opened another page in the meantime.
  if (session !== null && hubs !== null && visit === before) content.replaceChildren(...homePage(hubs))
  else await show()
  if (session !== null) setTimeout(listen, QUIET_MS)
}

/** The event stream says at once that the session has ended, also while nothing is asked. */
function listen(): void {
  events?.close()
  events = usher.notifications()
}

/** Says that a click or a search failed. */
function warn(reason: unknown): void {
  document.querySelector('.warning')?.remove()
  const words = reason instanceof UsherError ? reason.message : 'That did not work. Is the line down?'
  const close = make('button', { className: 'quiet', onclick: () => warning.remove() }, 'Close')
  const warning = make('div', { className: 'warning', role: 'alert' }, make('p', {}, words), close)
  document.body.append(warning)
}

/** Starts, and offers another try when the first question gets no answer. */
function begin(): void {
  start().catch((error: unknown) => {
    const retry = make('button', { onclick: begin }, 'Try again')
    content.replaceChildren(make('h1', {}, 'The cinema is closed'), make('p', {}, retry))
    warn(error)
  })
}

addEventListener('unhandledrejection', (event) => {
  event.preventDefault()
  const { reason } = event
  // onSessionEnd has explained that already.
  if (!(reason instanceof UsherError && reason.code.startsWith('USHER_SESSION_'))) warn(reason)
})
addEventListener('hashchange', () => void show())
moveByArrows()
begin()
