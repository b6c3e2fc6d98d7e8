import { shelf } from './cards.ts'
import { make } from './dom.ts'
import { factsOf, type Hub, type Item, search, usher } from './library.ts'

/** A backdrop behind words. Phones get a small one. */
export function backdrop(item: Item, ...words: readonly (Node | string)[]): HTMLElement {
  const width = Math.min(1280, innerWidth)
  const size = { width, height: Math.round((width / 16) * 9), dpr: 1 }
  return make(
    'div',
    { className: 'backdrop' },
    item.art !== undefined &&
      make('img', { alt: '', fetchPriority: 'low', src: usher.image(item.art, size) }),
    make('div', { className: 'words' }, ...words)
  )
}

export function homePage(hubs: readonly Hub[]): Node[] {
  const item = hubs[0]?.Metadata?.[0]
  if (item === undefined) return [make('p', { className: 'empty' }, 'The server shows you no films yet.')]
  const name = item.grandparentTitle ?? item.title
  const isBegun = (item.viewOffset ?? 0) > 0
  const hero = backdrop(
    item,
    make('p', { className: 'facts' }, hubs[0]?.title ?? ''),
    make('h1', {}, name),
    make('p', { className: 'facts' }, factsOf(item)),
    make('p', { className: 'summary' }, item.tagline ?? item.summary ?? ''),
    make(
      'p',
      { className: 'actions' },
      item.type !== 'show' &&
        make('a', { className: 'button', href: `#/play/${item.ratingKey}` }, isBegun ? 'Resume' : 'Play'),
      make('a', { className: 'button quiet', href: `#/title/${item.ratingKey}` }, 'More about it')
    )
  )
  return [hero, ...hubs.map((hub, place) => shelf(hub, place === 0))]
}

const PAUSE_MS = 200

/** Finds while one types. The words are in the address, so that "back" returns to them. */
export function searchPage(words: string): Node[] {
  const results = make('div', { 'aria-live': 'polite' })
  let timer: ReturnType<typeof setTimeout> | undefined
  let asked = 0
  async function find(query: string): Promise<void> {
    asked += 1
    const number = asked
    history.replaceState(null, '', `#/search?q=${encodeURIComponent(query)}`)
    const hubs = query === '' ? [] : await search(query)
    if (number !== asked) return
    const nothing = make('p', { className: 'empty' }, query === '' ? 'A title, or a name.' : 'Nothing found.')
    results.replaceChildren(...(hubs.length === 0 ? [nothing] : hubs.map((hub) => shelf(hub))))
  }
  const field = make('input', {
    type: 'search',
    value: words,
    placeholder: 'Search',
    'aria-label': 'Search for films, series and people',
    autocomplete: 'off',
    oninput: () => {
      clearTimeout(timer)
      timer = setTimeout(() => void find(field.value.trim()), PAUSE_MS)
    }
  })
  void find(words)
  queueMicrotask(() => field.focus())
  return [
    make('h1', { className: 'visually-hidden' }, 'Search'),
    make('p', { className: 'search' }, field),
    results
  ]
}
