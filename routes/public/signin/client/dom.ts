import { initialOf } from './words.ts'

/** The element of that id; throws where page and script do not belong together. */
export function byId<T extends HTMLElement = HTMLElement>(id: string, kind?: new () => T): T {
  const found = document.getElementById(id)
  if (!(found instanceof (kind ?? HTMLElement))) throw new Error(`no #${id}`)
  return found as T
}

/** A new element with its text; the class list is space-separated. */
export function make(tag: string, className = '', text = ''): HTMLElement {
  const element = document.createElement(tag)
  if (className !== '') element.className = className
  if (text !== '') element.textContent = text
  return element
}

/** The content of a `<template>`, once more. */
export function stamp(id: string): DocumentFragment {
  return document.importNode(byId(id, HTMLTemplateElement).content, true)
}

/** Shows one state of the page and moves the focus to its heading, so that screen readers tell where one is. */
export function showPanel(name: string, focus = true): void {
  for (const panel of document.querySelectorAll<HTMLElement>('[data-panel]')) {
    panel.hidden = panel.dataset['panel'] !== name
  }
  document.body.dataset['showing'] = name
  if (!focus) return
  byId(`h-${name}`).focus({ preventScroll: true })
  window.scrollTo({ top: 0 })
}

/** Runs a task with its button out of use, so that a second press changes nothing. */
export async function busy(button: HTMLButtonElement, task: () => Promise<void>): Promise<void> {
  // Not `disabled`, which would drop the keyboard focus.
  if (button.getAttribute('aria-disabled') === 'true') return
  button.setAttribute('aria-disabled', 'true')
  try {
    await task()
  } finally {
    button.removeAttribute('aria-disabled')
  }
}

/** What never awaits its listener: a rejection ends in the page's one handler of problems. */
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

/** A person's picture, or the first letter of the name where there is none. */
export function fillAvatar(place: HTMLElement, title: string, thumb: string): void {
  place.replaceChildren(make('span', '', initialOf(title)))
  const base = settings().base
  const path = thumb.startsWith(`${base}/plex/`) ? thumb : `${base}${thumb}`
  // Pictures come through the gateway alone: plex.tv learns nothing of who looks.
  if (!path.startsWith(`${base}/plex/`)) return
  const image = document.createElement('img')
  image.alt = ''
  image.addEventListener('load', () => place.append(image))
  image.src = path
}

export interface Settings {
  readonly base: string
  /** Checked by the server; '' where the sign-in was not asked for by another page. */
  readonly returnTo: string
  readonly firstPanel: string
  readonly fresh: boolean
  readonly serverChoice: boolean
}

/** What the server told the page about itself. */
export function settings(): Settings {
  const { base = '', returnTo = '', panelFirst = 'choose', fresh, serverChoice } = byId('signin').dataset
  return {
    base,
    returnTo,
    firstPanel: panelFirst,
    fresh: fresh === 'yes',
    serverChoice: serverChoice === 'yes'
  }
}
