import { type Fields, toFields, toInteger, toList, toText } from './fields.ts'

/** What the media server calls an item, and the ids by which its addresses name it. */
export interface TitledItem {
  /** "Film", or "Series – Episode". */
  readonly title: string
  readonly itemId: number | null
  readonly partIds: readonly number[]
  /** Of the transcoder, while it works for this item. */
  readonly transcodeIds: readonly string[]
}

/** The items of a list: of what is playing (`/status/sessions`), or of items asked for by their ids. */
export function toTitledItems(container: Fields): TitledItem[] {
  return toList(container['Metadata'])
    .map((entry) => toTitledItem(toFields(entry)))
    .filter(({ title }) => title !== '')
}

function toTitledItem(item: Fields): TitledItem {
  const whole = toText(item['grandparentTitle'], 100)
  const own = toText(item['title'], 100)
  const media = toList(item['Media']).map(toFields)
  const parts = media.flatMap((each) => toList(each['Part']).map(toFields))
  const transcodes = [toFields(item['TranscodeSession'])['key'], toFields(item['Session'])['id']]
  return {
    title: whole === '' || own === '' ? own : `${whole} – ${own}`,
    itemId: toInteger(item['ratingKey']),
    partIds: parts.map(({ id }) => toInteger(id)).filter((id) => id !== null),
    transcodeIds: transcodes
      .map((key) => toText(key, 100).replace(/^.*\//, ''))
      .filter((id) => /^[\w-]+$/.test(id))
  }
}
