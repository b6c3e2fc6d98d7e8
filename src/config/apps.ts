import { type Static, Type } from 'typebox'
import { type Access, readAccess } from './access.ts'
import { attempt, parseEntries } from './entries.ts'
import { type Picture, readPicture } from './files.ts'
import { parseAppUrl, parseHost } from './urls.ts'
import { parseDisplayName } from './words.ts'

const App = Type.Object(
  {
    id: Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }),
    name: Type.String(),
    url: Type.String(),
    hosts: Type.Optional(Type.Array(Type.String())),
    access: Type.Optional(Type.Unknown()),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    icon: Type.Optional(Type.String())
  },
  { additionalProperties: false }
)

export const APP_ID_WORDS = 'id must be 1 to 64 letters, digits, ., _ or -'

const WORDS = {
  id: APP_ID_WORDS,
  name: 'name must be text',
  url: 'url must be text',
  hosts: 'hosts must be an array of host names',
  access: 'access must be an object',
  headers: 'headers must be an object of header names and texts',
  icon: 'icon must be the path of a picture'
}

export type AppSetting = Readonly<Pick<Static<typeof App>, 'id' | 'name' | 'url'>> & {
  /** Host and port in normal form, as in the proxy's X-Forwarded-Host. */
  readonly hosts: readonly string[]
  /** Null: everybody who may sign in. */
  readonly access: Access | null
  /** Sent to the app with the identity headers. Names are in lower case; values are secrets. */
  readonly headers: Readonly<Record<string, string>>
  readonly icon: Picture | null
}

/** An operator may not set fields that identify a person, frame the message, or set a cookie. */
const RESERVED =
  /^(?:remote-.*|x-usher-.*|x-forwarded-.*|x-plex-.*|proxy-.*|sec-.*|set-cookie|cookie|host|connection|keep-alive|te|trailer|transfer-encoding|upgrade|content-.*|cache-control|date|server|location|www-authenticate|vary|forwarded)$/

/** All headers of an app and the identity headers must fit into one small response. */
const MOST_HEADER_BYTES = 1024

/** The JSON array of USHER_APPS. Throws Invalid with every problem of every entry. */
export function parseApps(text: string): readonly AppSetting[] {
  return parseEntries<typeof App, AppSetting>(text, {
    schema: App,
    words: WORDS,
    read({ id, name, url, hosts = [], access, headers = {}, icon }, report, earlier) {
      if (earlier.some((app) => app.id === id)) report('id is used by an earlier entry')
      const normal = hosts.flatMap((host) => attempt('hosts', report, () => parseHost(host)) ?? [])
      if (new Set(normal).size < normal.length) report('hosts repeat themselves')
      if (normal.some((host) => earlier.some((app) => app.hosts.includes(host))))
        report('has a host of an earlier entry')
      for (const reason of objectionsTo(headers)) report(reason)
      return {
        id,
        name: attempt('name', report, () => parseDisplayName(name)) ?? '',
        url: attempt('url', report, () => parseAppUrl(url)) ?? '',
        hosts: normal,
        access: readAccess(access, report),
        headers: Object.fromEntries(
          Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value])
        ),
        icon: icon === undefined ? null : attempt('icon', report, () => readPicture(icon))
      }
    }
  })
}

function objectionsTo(headers: Readonly<Record<string, string>>): readonly string[] {
  const names = Object.keys(headers).map((name) => name.toLowerCase())
  const reasons: string[] = []
  // RFC 9110 §5.6.2.
  if (!names.every((name) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)))
    reasons.push('headers must have names that HTTP knows as names')
  if (names.some((name) => RESERVED.test(name)))
    reasons.push('headers must not name a header that carries identity, frames the message or sets a cookie')
  if (new Set(names).size < names.length) reasons.push('headers repeat themselves')
  if (!Object.values(headers).every((value) => /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)))
    reasons.push('headers must have values of visible ASCII')
  const bytes = Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length + 4,
    0
  )
  if (bytes > MOST_HEADER_BYTES) reasons.push(`headers must be at most ${MOST_HEADER_BYTES} bytes together`)
  return reasons
}
