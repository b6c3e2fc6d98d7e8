/** Text that is markup; only `html` creates it. */
export interface Html {
  readonly markup: string
}

type Value = Html | string | number | null | false | readonly Html[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;'
}

function isHtmlList(value: Value): value is readonly Html[] {
  return Array.isArray(value)
}

function toMarkup(value: Value): string {
  if (value === null || value === false) return ''
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return value.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
  return isHtmlList(value) ? value.map((part) => part.markup).join('') : value.markup
}

/** Markup with all interpolated text escaped, for elements and quoted attributes. null and false render nothing. */
export function html(literals: TemplateStringsArray, ...values: readonly Value[]): Html {
  return { markup: String.raw({ raw: literals }, ...values.map(toMarkup)) }
}
