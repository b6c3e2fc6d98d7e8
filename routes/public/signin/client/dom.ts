import { visibleStops } from './arrows.ts'
import { initialOf } from './texts.ts'

/** The element with that id; throws if page and script do not match. */
export function byId<T extends HTMLElement = HTMLElement>(id: string, kind?: new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof (kind ?? HTMLElement))) throw new Error(`no #${id}`)
  return found as T
}

/** A new element with text and a space-separated class list. */
export function make(tag: string, className = '', text = ''): HTMLElement {
  const element = document.createElement(tag)
  if (className !== '') element.className = className
  if (text !== '') element.textContent = text
  return element
}

/** Replaces what an element contains; `replaceChildren` is missing in televisions of 2022. */
export function put(place: HTMLElement, ...content: readonly Node[]): void {
  place.textContent = ''
  place.append(...content)
}

/** A copy of the content of a `<template>`. */
export function stamp(id: string): DocumentFragment {
  return document.importNode(byId(id, HTMLTemplateElement).content, true)
}

/** Shows one state of the page and focuses its heading, so that screen readers announce it. */
export function showPanel(name: string, focus = true): void {
  for (const panel of document.querySelectorAll<HTMLElement>('[data-panel]')) {
    panel.hidden = panel.dataset['panel'] !== name
  }
  document.body.dataset['showing'] = name
  if (!focus) return
  const heading = byId(`h-${name}`)
  // A remote control needs something that can be pressed; a screen reader still announces the panel's name.
  const first = settings().television ? visibleStops(heading.parentElement ?? document)[0] : undefined
  ;(first ?? heading).focus({ preventScroll: true })
  window.scrollTo({ top: 0 })
}

/** Runs a task while its button is inactive, so a second press has no effect. */
export async function busy(button: HTMLButtonElement, task: () => Promise<void>): Promise<void> {
  // Not `disabled`, which would lose the keyboard focus.
  if (button.getAttribute('aria-disabled') === 'true') return
  button.setAttribute('aria-disabled', 'true')
  try {
    await task()
  } finally {
    button.removeAttribute('aria-disabled')
  }
}

/** Listens for clicks. A rejected task ends in `fail`, the page's problem handler. */
export function onClick(
  id: string,
  task: (button: HTMLButtonElement) => Promise<void> | void,
  fail: (error: unknown) => void
): void {
  const button = byId(id, HTMLButtonElement)
  button.addEventListener('click', () => {
    busy(button, async () => task(button)).catch(fail)
  })
}

/** A person's picture, or the first letter of the name. */
export function fillAvatar(place: HTMLElement, title: string, thumb: string): void {
  put(place, make('span', '', initialOf(title)))
  const base = settings().base
  const path = thumb.startsWith(`${base}/plex/`) ? thumb : `${base}${thumb}`
  // Pictures come through Usher only, so plex.tv does not learn who is looking.
  if (!path.startsWith(`${base}/plex/`)) return
  const image = document.createElement('img')
  image.alt = ''
  image.addEventListener('load', () => place.append(image))
  image.src = path
}

export interface Settings {
  readonly base: string
  /** Checked by the server; '' if no page asked for the sign-in. */
  readonly returnTo: string
  readonly firstPanel: string
  readonly fresh: boolean
  readonly serverChoice: boolean
  readonly television: boolean
}

/** What the server wrote into the page. */
export function settings(): Settings {
  const {
    base = '',
    returnTo = '',
    panelFirst = 'choose',
    fresh,
    serverChoice,
    television
  } = byId('signin').dataset
  return {
    base,
    returnTo,
    firstPanel: panelFirst,
    fresh: fresh === 'yes',
    serverChoice: serverChoice === 'yes',
    television: television === 'yes'
  }
}
