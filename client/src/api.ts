// Made by npm run client-types from docs/reference/openapi.public.json.
export type ServerList = {
  name: string
  machineIdentifier: string
  owned: boolean
  home: boolean
  presence: boolean
  selected: boolean
  connections: {
    uri: string
    local: boolean
    relay: boolean
  }[]
}[]

export interface AccountList {
  accounts: {
    id: number
    username: string
    title: string
    role: 'none' | 'shared' | 'home' | 'owner'
    blocked: boolean
    sessions: number
    lastSeenAt: string | null
  }[]
}
export interface EventList {
  events: {
    id: string
    at: string
    event: string
    accountId?: number | null
    [k: string]: string | number | boolean | null | undefined
  }[]
}
export interface PasswordLogin {
  login: string
  password: string
  verificationCode?: string
  rememberMe?: boolean
}
export interface PinStatus {
  status: 'pending' | 'signed-in' | 'expired'
  pollAfterMs?: number
  session?: SessionView
}
export interface SessionView {
  account: {
    id: number
    uuid: string
    username: string
    title: string
    email: string
    thumb: string
    restricted: boolean
  }
  role: 'none' | 'shared' | 'home' | 'owner'
  server: {
    name: string
    machineIdentifier: string
  } | null
  method: 'password' | 'pin' | 'home'
  signedInAt: string
  expiresAt: string
  idleExpiresAt: string
  stale: boolean
}
export interface PinView {
  authUrl: string
  code: string
  linkUrl: string
  expiresAt: string
  pollAfterMs: number
}
export interface PlaybackAsked {
  path: string
  kind: 'part' | 'hls' | 'dash'
}
export interface PlaybackView {
  url: string
  expiresAt: string
}
export interface Problem {
  type: string
  title: string
  status: number
  code:
    | 'USHER_INVALID_REQUEST'
    | 'USHER_SESSION_REQUIRED'
    | 'USHER_SESSION_INVALID'
    | 'USHER_SESSION_EXPIRED'
    | 'USHER_SESSION_REVOKED'
    | 'USHER_CREDENTIALS_REJECTED'
    | 'USHER_VERIFICATION_REQUIRED'
    | 'USHER_VERIFICATION_REJECTED'
    | 'USHER_EMAIL_REQUIRED'
    | 'USHER_SERVER_ACCESS_DENIED'
    | 'USHER_ACCOUNT_BLOCKED'
    | 'USHER_TWO_FACTOR_REQUIRED'
    | 'USHER_HOME_PIN_REJECTED'
    | 'USHER_CROSS_SITE'
    | 'USHER_PATH_DENIED'
    | 'USHER_BROWSER_REFUSED'
    | 'USHER_NOT_FOUND'
    | 'USHER_METHOD_NOT_ALLOWED'
    | 'USHER_UPSTREAM_REFUSED'
    | 'USHER_PIN_UNKNOWN'
    | 'USHER_UNSUPPORTED_MEDIA_TYPE'
    | 'USHER_RATE_LIMITED'
    | 'USHER_UPSTREAM_INVALID'
    | 'USHER_BUSY'
    | 'USHER_UPSTREAM_UNREACHABLE'
    | 'USHER_PLEX_LIMITED'
    | 'USHER_UPSTREAM_TIMEOUT'
    | 'USHER_INTERNAL'
  detail: string
  requestId: string
  upstream?: {
    service: 'plex.tv' | 'pms'
    status: number
    code: number | null
  }
}
export interface ProfileList {
  users: {
    uuid: string
    title: string
    thumb: string
    admin: boolean
    restricted: boolean
    protected: boolean
    current: boolean
  }[]
}
export interface ProfileSwitch {
  uuid: string
  pin?: string
}
export interface ServerSelection {
  machineIdentifier: string
}
export interface SessionList {
  sessions: {
    handle: string
    current: boolean
    account: {
      id: number
      username: string
      title: string
    }
    device: {
      name: string
      kind: 'desktop' | 'phone' | 'tablet' | 'tv' | 'other'
    }
    network: string
    method: 'password' | 'pin' | 'home'
    signedInAt: string
    lastSeenAt: string
    apps: {
      id: string
      name: string
    }[]
    streams: {
      kind: 'media' | 'events' | 'socket'
      title: string | null
      since: string
    }[]
  }[]
  complete: boolean
}
export interface SourceView {
  source: string
  name: string
  clientIdentifier: string
  connections: {
    protocol: string
    address: string
    port: number
    uri: string
    local: boolean
    relay: boolean
  }[]
}

export type ProblemCode = Problem['code']
