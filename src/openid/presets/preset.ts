/** What an app needs from an OpenID provider, by its documentation. docs/apps/ is generated from this table. */
export interface Preset {
  readonly name: string
  /** Appended to the app's URL, unless it is a complete address with its own scheme. */
  readonly redirects: readonly string[]
  /** Where it receives sign-outs, appended to its URL. */
  readonly backchannel?: string
  /** Where RP-initiated logout may return to, appended to its URL. */
  readonly afterLogout?: readonly string[]
  /** Confidential apps that send no code challenge. */
  readonly withoutPkce?: true
  /** Browser and phone apps without a server that could keep a secret. */
  readonly isPublic?: true
  readonly refresh?: true
  /** Reads the `groups` claim. */
  readonly groups: boolean
  /** What to enter where; {issuer}, {id}, {secret} and {url} are replaced by the values. */
  readonly settings: readonly (readonly [where: string, what: string])[]
  readonly notes?: readonly string[]
}

export const SCOPES = 'openid profile email groups'
export const MANAGED =
  'The app needs an e-mail address: managed users of a Plex Home have none, and cannot sign in to it.'
export const NO_SIGN_OUT = 'It does not support back-channel logout: its own session ends in its own time.'

export interface Guide {
  readonly entry: Readonly<Record<string, unknown>>
  readonly settings: readonly (readonly [where: string, what: string])[]
  readonly notes: readonly string[]
}

/** The entry of USHER_OIDC_CLIENTS for an app at `url`, and what to enter in the app. */
export function toGuide(
  id: string,
  { name, redirects, backchannel, afterLogout, withoutPkce, refresh, settings, notes }: Preset,
  values: {
    readonly url: string
    readonly issuer: string
    readonly secret: string | null
    readonly hash: string | null
  }
): Guide {
  const base = values.url.replace(/\/$/, '')
  const at = (path: string) => {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return path
    const [, port, rest = ''] = /^(:\d+)(.*)$/.exec(path) ?? []
    if (port === undefined) return base + path
    // The app names the port even where it is the default one; a URL would drop it.
    const { protocol, hostname, port: own, pathname } = new URL(base)
    return `${protocol}//${hostname}${own === '' ? port : `:${own}`}${pathname.replace(/\/$/, '')}${rest}`
  }
  const given: Readonly<Record<string, string>> = {
    issuer: values.issuer,
    id,
    secret: values.secret ?? '',
    url: base
  }
  const fill = (text: string) =>
    text.replace(/\{(issuer|id|secret|url)\}/g, (_, word: string) => given[word] ?? '')
  return {
    entry: {
      id,
      name,
      ...(values.hash !== null && { secretHashes: [values.hash] }),
      redirectUris: redirects.map(at),
      ...(afterLogout !== undefined && { postLogoutRedirectUris: afterLogout.map(at) }),
      ...(backchannel !== undefined && { backchannelLogoutUri: at(backchannel) }),
      ...(withoutPkce === true && { pkce: 'optional' }),
      ...(refresh === true && { refresh: true })
    },
    settings: settings.map(([where, what]) => [where, fill(what)]),
    notes: (notes ?? []).map(fill)
  }
}
