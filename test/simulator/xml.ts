import { isObject, type Json, type JsonObject } from './json.ts'

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'

/**
 * A JSON value in Plex's XML: scalars become attributes (booleans 1/0, null empty), objects become child elements.
 * `wrapped` is how plex.tv's version 2 writes arrays (`<roles><role id="…"/></roles>`), `flat` how the PMS and
 * version 1 do (`<Directory/><Directory/>`).
 */
export function toXml(root: string, value: Json, style: 'wrapped' | 'flat'): string {
  return `${DECLARATION}${element(root, value, style, '')}`
}

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;')
}

function element(name: string, value: Json, style: 'wrapped' | 'flat', indent: string): string {
  if (Array.isArray(value)) return wrap(name, '', items(singular(name), value, style, `${indent}  `), indent)
  if (!isObject(value)) return wrap(name, attribute('id', value), '', indent)
  return wrap(name, attributes(value), children(value, style, `${indent}  `), indent)
}

function attributes(object: JsonObject): string {
  return Object.entries(object)
    .map(([name, value]) => (typeof value === 'object' && value !== null ? '' : attribute(name, value)))
    .join('')
}

function children(object: JsonObject, style: 'wrapped' | 'flat', indent: string): string {
  return Object.entries(object)
    .map(([name, value]) => {
      if (typeof value !== 'object' || value === null) return ''
      if (style === 'flat' && Array.isArray(value)) return items(name, value, style, indent)
      return element(name, value, style, indent)
    })
    .join('')
}

function items(name: string, values: readonly Json[], style: 'wrapped' | 'flat', indent: string): string {
  return values.map((value) => element(tagOf(name, value), value, style, indent)).join('')
}

/** In a media server's XML, `Metadata` elements are named by type. */
function tagOf(name: string, value: Json): string {
  if (name !== 'Metadata' || !isObject(value)) return name
  const tags: Readonly<Record<string, string>> = {
    show: 'Directory',
    season: 'Directory',
    playlist: 'Playlist'
  }
  return tags[String(value['type'])] ?? 'Video'
}

function attribute(name: string, value: Json | undefined): string {
  if (value === undefined) return ''
  const text = value === null ? '' : value === true ? '1' : value === false ? '0' : String(value)
  return ` ${name}="${escapeXml(text)}"`
}

function wrap(name: string, attributeText: string, inner: string, indent: string): string {
  if (inner === '') return `${indent}<${name}${attributeText}/>\n`
  return `${indent}<${name}${attributeText}>\n${inner}${indent}</${name}>\n`
}

function singular(name: string): string {
  if (name.endsWith('ies')) return `${name.slice(0, -3)}y`
  return name.endsWith('s') ? name.slice(0, -1) : name
}
