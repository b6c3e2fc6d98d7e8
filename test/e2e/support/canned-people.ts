import type { SessionView } from '../../../src/session/session.ts'

const DAY_MS = 86_400_000

/** A session as `GET /session` returns it, with times relative to now. */
export function cannedSession(changes: Partial<SessionView> = {}): SessionView {
  const now = Date.now()
  return {
    account: {
      id: 1001,
      uuid: 'aaaa1111bbbb2222',
      username: 'ida',
      title: 'Ida Lupino',
      email: 'ida@example.com',
      thumb: '/plex/users/aaaa1111bbbb2222/avatar',
      restricted: false
    },
    role: 'owner',
    server: { name: 'Rialto', machineIdentifier: 'f00d' },
    method: 'pin',
    signedInAt: new Date(now - 60_000).toISOString(),
    expiresAt: new Date(now + 30 * DAY_MS).toISOString(),
    idleExpiresAt: new Date(now + 7 * DAY_MS).toISOString(),
    stale: false,
    ...changes
  }
}

export const HOME = {
  users: [
    {
      uuid: 'aaaa1111bbbb2222',
      title: 'Ida Lupino',
      thumb: '/plex/users/aaaa1111bbbb2222/avatar',
      admin: true,
      restricted: false,
      protected: true,
      current: true
    },
    {
      uuid: 'cccc3333dddd4444',
      title: 'Orson',
      thumb: '/plex/users/cccc3333dddd4444/avatar',
      admin: false,
      restricted: false,
      protected: true,
      current: false
    },
    {
      uuid: 'eeee5555ffff6666',
      title: 'The little ones',
      thumb: '/plex/users/eeee5555ffff6666/avatar',
      admin: false,
      restricted: true,
      protected: false,
      current: false
    }
  ]
} as const

export const SERVERS = [
  {
    name: 'Rialto',
    machineIdentifier: 'f00d',
    owned: true,
    home: true,
    presence: true,
    selected: false,
    connections: []
  },
  {
    name: 'Lichtspielhaus am Platz',
    machineIdentifier: 'beef',
    owned: false,
    home: false,
    presence: true,
    selected: false,
    connections: []
  },
  {
    name: 'Old Mac mini',
    machineIdentifier: 'cafe',
    owned: false,
    home: true,
    presence: false,
    selected: false,
    connections: []
  }
] as const

/** A PIN as `POST /session/pin` returns it. */
export function cannedPin(authUrl: string, lifeMs = 900_000) {
  return {
    status: 201,
    body: {
      authUrl,
      code: '7RQZ',
      linkUrl: 'https://plex.tv/link/?pin=7RQZ',
      expiresAt: new Date(Date.now() + lifeMs).toISOString(),
      pollAfterMs: 50
    }
  }
}

/** A person's picture, as `/plex/users/{id}/avatar` returns it. */
export const AVATAR = {
  headers: { 'content-type': 'image/svg+xml' },
  body: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9" fill="#5b7f95"/><circle cx="4.5" cy="3.5" r="1.75" fill="#f3e3d3"/><path d="M1 9a3.5 3.5 0 0 1 7 0z" fill="#f3e3d3"/></svg>'
} as const

/** Names as long as Plex allows, without a place to break. */
export const LONG_NAME = 'Wolfeschlegelsteinhausenbergerdorff-Übermüdungsbrüche'

/** As long as an address can be. */
export const LONG_ADDRESS = `${'very.long.name.'.repeat(15)}x@example.com`

/** As many as a Plex Home can hold. */
export const FULL_HOME = {
  users: Array.from({ length: 15 }, (_, index) => ({
    uuid: `${index}`.padStart(16, '0'),
    title: [LONG_NAME, 'Bo', 'Marie-Antoinette', '観客', '👵 Oma'][index % 5] ?? '',
    thumb: `/plex/users/${index}/avatar`,
    admin: index === 0,
    restricted: index % 3 === 1,
    protected: index % 2 === 0,
    current: index === 0
  }))
}

export const LONG_SERVERS = [LONG_NAME, 'Keller', LONG_NAME.repeat(2)].map((name, index) => ({
  name,
  machineIdentifier: `long-${index}`,
  owned: index === 1,
  home: index === 0,
  presence: index !== 2,
  selected: index === 1,
  connections: []
}))
