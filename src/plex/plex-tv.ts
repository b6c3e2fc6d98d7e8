import { Problem } from '../domain/problems.ts'
import { type Account, toAccount, toSignedIn, toUuid } from './account.ts'
import { toAccountDocument } from './account-document.ts'
import { parseAnswer } from './answer.ts'
import { type HomeUser, type HomeUserList, toHomeUserList } from './home-user.ts'
import { type ClientIdentity, identityHeaders } from './identity.ts'
import { type Pin, toPin } from './pin.ts'
import { type PlexCall, toPlexProblem } from './plex-errors.ts'
import { type Resource, type ResourceList, toResourceList } from './resources.ts'
import { type SharedUserList, toSharedUserList } from './shared-user.ts'
import type { Upstream, UpstreamAnswer, UpstreamRequest } from './upstream.ts'

export interface Credentials {
  /** E-mail address or username. */
  readonly login: string
  readonly password: string
  readonly verificationCode?: string | undefined
  /** Default true. */
  readonly rememberMe?: boolean | undefined
}

export interface SignedIn {
  readonly account: Account
  readonly token: string
}

/**
 * The calls to plex.tv. Every method takes the browser's client identifier. Those with a token throw
 * USHER_SESSION_REVOKED if, and only if, plex.tv says that it is dead. An outage is USHER_UPSTREAM_UNREACHABLE or
 * _TIMEOUT, a rate limit USHER_PLEX_LIMITED.
 */
export interface PlexTv {
  readonly signIn: (credentials: Credentials, clientIdentifier: string) => Promise<SignedIn>
  readonly account: (token: string, clientIdentifier: string) => Promise<Account>
  /** The account as a browser may see it: an allow-list without tokens. */
  readonly accountDocument: (token: string, clientIdentifier: string) => Promise<Record<string, unknown>>
  readonly resources: (token: string, clientIdentifier: string) => Promise<readonly Resource[]>
  /** The same, for callers that draw conclusions from what is not listed. */
  readonly resourceList: (token: string, clientIdentifier: string) => Promise<ResourceList>
  /** Succeeds also if the token was already dead. */
  readonly signOut: (token: string, clientIdentifier: string) => Promise<void>
  readonly createPin: (clientIdentifier: string, options: { readonly strong: boolean }) => Promise<Pin>
  /** Throws USHER_PIN_UNKNOWN once it has expired. */
  readonly readPin: (id: number, clientIdentifier: string) => Promise<Pin>
  readonly homeUsers: (token: string, clientIdentifier: string) => Promise<readonly HomeUser[]>
  /** The same, for callers that draw conclusions from who is not listed. */
  readonly homeUserList: (token: string, clientIdentifier: string) => Promise<HomeUserList>
  /** Whom an owner shares servers with. */
  readonly sharedUserList: (token: string, clientIdentifier: string) => Promise<SharedUserList>
  /** Throws USHER_HOME_PIN_REJECTED for a wrong or missing PIN. */
  readonly switchHomeUser: (
    token: string,
    clientIdentifier: string,
    uuid: string,
    pin?: string
  ) => Promise<SignedIn>
  /** Any document, parsed: the caller removes what a browser must not see. */
  readonly document: (request: DocumentRequest, token: string, clientIdentifier: string) => Promise<unknown>
  /** A public picture: no token is sent. Throws USHER_NOT_FOUND if there is none. */
  readonly picture: (path: string, clientIdentifier: string) => Promise<UpstreamAnswer>
  /** Keeps a token alive (reference/plex.md#token-checks). */
  readonly ping: (token: string, clientIdentifier: string) => Promise<void>
}

/** A browser's request to plex.tv through Usher, already checked against the list. */
export interface DocumentRequest {
  readonly path: string
  readonly query: Readonly<Record<string, string>>
}

export interface PlexTvOptions {
  readonly upstream: Upstream
  /** clients.plex.tv, which serves the resources; default `upstream`. */
  readonly clients?: Upstream
  /** A separate pool for browsers' requests, so that they never delay a sign-in or re-check; default `upstream`. */
  readonly browsers?: Upstream
  readonly identity: ClientIdentity
  /** Epoch ms. */
  readonly now: () => number
}

/** Some 1 KB a person. */
const USERS_MAX_BYTES = 16 * 1024 * 1024

const IMAGE = /^image\/(?:png|jpeg|gif|webp|avif)\b/i

/** A client of plex.tv that keeps nothing between calls: no token, no cookie, no cache. */
export function createPlexTv(options: PlexTvOptions): PlexTv {
  const { upstream, clients = upstream, browsers = upstream, identity, now } = options

  async function call(
    kind: PlexCall,
    request: Omit<UpstreamRequest, 'headers'>,
    clientIdentifier: string,
    token?: string,
    via = upstream
  ): Promise<UpstreamAnswer> {
    const headers = identityHeaders(identity, clientIdentifier)
    if (token !== undefined) headers['X-Plex-Token'] = token
    const answer = await via.call({ ...request, headers })
    if (answer.status < 200 || answer.status >= 300) throw toPlexProblem(answer, kind)
    return answer
  }

  async function user(token: string, clientIdentifier: string): Promise<unknown> {
    return parseAnswer(await call('token', { method: 'GET', path: '/api/v2/user' }, clientIdentifier, token))
  }

  async function resourceList(token: string, clientIdentifier: string): Promise<ResourceList> {
    const query = { includeHttps: '1', includeRelay: '1', includeIPv6: '1' }
    const request = { method: 'GET', path: '/api/v2/resources', query } as const
    return toResourceList(parseAnswer(await call('token', request, clientIdentifier, token, clients)))
  }

  async function homeUserList(token: string, clientIdentifier: string): Promise<HomeUserList> {
    const request = { method: 'GET', path: '/api/v2/home/users' } as const
    return toHomeUserList(parseAnswer(await call('token', request, clientIdentifier, token)))
  }

  return {
    async signIn({ login, password, verificationCode, rememberMe = true }, clientIdentifier) {
      const form = {
        login,
        password,
        rememberMe: String(rememberMe),
        ...(verificationCode ? { verificationCode } : {})
      }
      const request = { method: 'POST', path: '/api/v2/users/signin', form } as const
      return toSignedIn(parseAnswer(await call('sign-in', request, clientIdentifier)))
    },

    async account(token, clientIdentifier) {
      return toAccount(await user(token, clientIdentifier))
    },

    async accountDocument(token, clientIdentifier) {
      return toAccountDocument(await user(token, clientIdentifier))
    },

    async resources(token, clientIdentifier) {
      return (await resourceList(token, clientIdentifier)).resources
    },

    resourceList,

    async signOut(token, clientIdentifier) {
      try {
        await call('token', { method: 'DELETE', path: '/api/v2/users/signout' }, clientIdentifier, token)
      } catch (error) {
        if (!(error instanceof Problem && error.code === 'USHER_SESSION_REVOKED')) throw error
      }
    },

    async createPin(clientIdentifier, { strong }) {
      const query = { strong: String(strong) }
      const answer = await call('pin', { method: 'POST', path: '/api/v2/pins', query }, clientIdentifier)
      return toPin(parseAnswer(answer), now())
    },

    async readPin(id, clientIdentifier) {
      const answer = await call('pin', { method: 'GET', path: `/api/v2/pins/${id}` }, clientIdentifier)
      const pin = toPin(parseAnswer(answer), now())
      if (pin.id !== id) throw new Problem('USHER_UPSTREAM_INVALID')
      return pin
    },

    async homeUsers(token, clientIdentifier) {
      return (await homeUserList(token, clientIdentifier)).users
    },

    homeUserList,

    async sharedUserList(token, clientIdentifier) {
      const request = { method: 'GET', path: '/api/users', maxBytes: USERS_MAX_BYTES } as const
      return toSharedUserList(parseAnswer(await call('token', request, clientIdentifier, token)))
    },

    async switchHomeUser(token, clientIdentifier, uuid, pin) {
      const wanted = toUuid(uuid)
      if (wanted === null) throw new Problem('USHER_INVALID_REQUEST')
      // In the body: a PIN in the URL would end up in plex.tv's logs.
      const request = {
        method: 'POST',
        path: `/api/v2/home/users/${wanted}/switch`,
        form: pin === undefined ? {} : { pin }
      } as const
      const signedIn = toSignedIn(parseAnswer(await call('switch', request, clientIdentifier, token)))
      if (signedIn.account.uuid !== wanted) throw new Problem('USHER_UPSTREAM_INVALID')
      return signedIn
    },

    async document(request, token, clientIdentifier) {
      const headers = { ...identityHeaders(identity, clientIdentifier), 'X-Plex-Token': token }
      const answer = await browsers.call({ method: 'GET', ...request, headers })
      if (answer.status !== 200) throw toPlexProblem(answer, 'token')
      return parseAnswer(answer)
    },

    async picture(path, clientIdentifier) {
      const headers = { ...identityHeaders(identity, clientIdentifier), Accept: 'image/*' }
      const answer = await browsers.call({ method: 'GET', path, headers })
      if (answer.status === 404) throw new Problem('USHER_NOT_FOUND')
      if (answer.status >= 400) throw toPlexProblem(answer, 'pin')
      // SECURITY rules 43 and 57: redirects are not followed, and only pictures pass.
      if (answer.status !== 200 || !IMAGE.test(answer.contentType))
        throw new Problem('USHER_UPSTREAM_INVALID')
      return answer
    },

    async ping(token, clientIdentifier) {
      await call('token', { method: 'GET', path: '/api/v2/ping' }, clientIdentifier, token)
    }
  }
}
