import { make } from './dom.ts'
import { factsOf, type Hub, type Item, usher } from './library.ts'

const POSTER = { width: 160, height: 240 }
const STILL = { width: 284, height: 160 }
/** Pictures that a screen shows at once; the others are asked for when they come near. */
const EAGER = Math.ceil(innerWidth / POSTER.width)

export interface CardOptions {
  readonly isEager?: boolean
  /** A still of 16:9 in place of a poster. */
  readonly isWide?: boolean
}

/** A picture that leads to a title. */
export function card(
  item: Item,
  { isEager = false, isWide = item.type === 'episode' }: CardOptions = {}
): HTMLElement {
  const size = isWide ? STILL : POSTER
  const path = item.type === 'episode' || !isWide ? item.thumb : item.art
  const isInShow = item.type === 'episode' && item.grandparentTitle !== undefined
  const watched = (item.viewOffset ?? 0) / (item.duration || 1)
  return make(
    'a',
    { className: isWide ? 'card wide' : 'card', href: `#/title/${item.ratingKey}` },
    make(
      'span',
      { className: 'picture' },
      path !== undefined &&
        make('img', {
          alt: '',
          width: size.width,
          height: size.height,
          loading: isEager ? 'eager' : 'lazy',
          fetchPriority: isEager ? 'high' : 'auto',
          decoding: 'async',
          src: usher.image(path, { ...size, dpr: Math.min(2, devicePixelRatio) })
        }),
      watched > 0 &&
        make('progress', { value: watched, 'aria-label': `${Math.round(watched * 100)} % seen` }),
      item.viewCount !== undefined && watched === 0 && make('span', { className: 'seen', title: 'Seen' }, '✓')
    ),
    make('strong', {}, item.grandparentTitle ?? item.title),
    make('small', {}, isInShow ? `S${item.parentIndex} E${item.index} ${item.title}` : factsOf(item))
  )
}

/** Titles side by side. */
export function shelf({ title, hubIdentifier, Metadata = [] }: Hub, isFirst = false): HTMLElement {
  const isWide = hubIdentifier === 'home.continue'
  const id = `shelf-${title.replace(/\W+/g, '-').toLowerCase()}`
  return make(
    'section',
    { 'aria-labelledby': id },
    make('h2', { id }, title),
    make(
      'div',
      { className: 'shelf' },
      Metadata.map((item, place) =>
        card(item, { isEager: isFirst && place < EAGER, ...(isWide && { isWide: true }) })
      )
    )
  )
}
