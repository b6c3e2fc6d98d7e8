import { card, shelf } from './cards.ts'
import { clock, make } from './dom.ts'
import { backdrop } from './home.ts'
import { factsOf, type Item, readChildren, readItem, readRelated, usher } from './library.ts'

/** A film, a series, a season or an episode. */
export async function titlePage(key: string): Promise<Node[]> {
  const [item, children] = await Promise.all([readItem(key), readChildren(key).catch(() => [])])
  if (item === undefined) return [make('p', { className: 'empty' }, 'There is no such title.')]
  const isPlayable = item.type === 'movie' || item.type === 'episode'
  // The player is large, and needed soon.
  if (isPlayable) void import('./player.ts')
  const more = make('div')
  if (item.type === 'movie')
    void readRelated(key).then((hubs) => more.replaceChildren(...hubs.map((hub) => shelf(hub))))
  return [
    backdrop(
      item,
      item.thumb !== undefined && item.type !== 'episode'
        ? make('img', {
            className: 'poster',
            alt: '',
            width: 160,
            height: 240,
            src: usher.image(item.thumb, { width: 160, height: 240, dpr: Math.min(2, devicePixelRatio) })
          })
        : '',
      make(
        'div',
        {},
        make('h1', {}, item.grandparentTitle ?? item.title),
        make(
          'p',
          { className: 'facts' },
          item.type === 'episode' ? `${item.title} · ${factsOf(item)}` : factsOf(item)
        ),
        make('p', { className: 'facts' }, (item.Genre ?? []).map(({ tag }) => tag).join(', ')),
        isPlayable ? actions(item) : '',
        make('p', { className: 'summary' }, item.summary ?? ''),
        people(item)
      )
    ),
    ...(item.type === 'show'
      ? await seasons(children)
      : children.length > 0
        ? [episodes(item.title, children)]
        : []),
    ...chapters(item),
    more
  ]
}

function actions(item: Item): HTMLElement {
  const offset = item.viewOffset ?? 0
  const at = `#/play/${item.ratingKey}`
  return make(
    'p',
    { className: 'actions' },
    make('a', { className: 'button', href: at }, offset > 0 ? `Resume at ${clock(offset / 1000)}` : 'Play'),
    offset > 0 && make('a', { className: 'button quiet', href: `${at}?at=0` }, 'From the beginning'),
    seenButton(item)
  )
}

function seenButton({ ratingKey, viewCount = 0 }: Item): HTMLElement {
  let isSeen = viewCount > 0
  const words = () => (isSeen ? 'Seen ✓' : 'Mark as seen')
  const button = make('button', {
    className: 'quiet',
    'aria-pressed': isSeen,
    textContent: words(),
    onclick: async () => {
      const verb = isSeen ? 'unscrobble' : 'scrobble'
      await usher.pms.fetch(`/:/${verb}?key=${ratingKey}&identifier=com.plexapp.plugins.library`, {
        method: 'PUT'
      })
      isSeen = !isSeen
      button.textContent = words()
      button.setAttribute('aria-pressed', String(isSeen))
    }
  })
  return button
}

function people({ Director = [], Role = [] }: Item): HTMLElement {
  const names = Role.map(({ tag, role }) => (role === undefined ? tag : `${tag} (${role})`)).join(', ')
  const director = Director.map(({ tag }) => tag).join(', ')
  return make(
    'dl',
    {},
    director !== '' && [make('dt', {}, 'Director'), make('dd', {}, director)],
    names !== '' && [make('dt', {}, 'With'), make('dd', {}, names)]
  )
}

async function seasons(list: readonly Item[]): Promise<Node[]> {
  return Promise.all(list.map(async (season) => episodes(season.title, await readChildren(season.ratingKey))))
}

const episodes = (title: string, items: readonly Item[]): HTMLElement =>
  make(
    'section',
    {},
    make('h2', {}, title),
    make(
      'div',
      { className: 'shelf' },
      items.map(({ grandparentTitle: _, ...item }) => card(item))
    )
  )

function chapters({ ratingKey, Chapter = [] }: Item): HTMLElement[] {
  if (Chapter.length === 0) return []
  const links = Chapter.map(({ tag, startTimeOffset, thumb }, place) =>
    make(
      'a',
      { className: 'card wide', href: `#/play/${ratingKey}?at=${startTimeOffset}` },
      make(
        'span',
        { className: 'picture' },
        thumb !== undefined &&
          make('img', { alt: '', loading: 'lazy', width: 284, height: 160, src: usher.pms.url(thumb) })
      ),
      make('strong', {}, tag ?? `Chapter ${place + 1}`),
      make('small', {}, clock(startTimeOffset / 1000))
    )
  )
  return [make('section', {}, make('h2', {}, 'Chapters'), make('div', { className: 'shelf' }, links))]
}
