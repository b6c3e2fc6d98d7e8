import type { Config } from '../../config/config.ts'
import { isTokenDead, Problem } from '../../domain/problems.ts'
import type { Pin } from '../../plex/pin.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import type { Seal } from '../../seal/seal.ts'
import type { Session } from '../session.ts'
import { type Attempt, accountOf, type ReportAttempt, toResult } from './attempt.ts'
import { createClientIdentifier, type Device, freeIdentifier, lendTo } from './device.ts'
import { type Flow, sealFlow, unsealFlow } from './flow.ts'
import { createPinLooks } from './pin-looks.ts'
import type { SignIn, SignInKind } from './sign-in.ts'
import { type StartSessionOptions, startSession } from './start-session.ts'

/** What a page may know about a PIN. Not its id: with that, anybody could fetch the token. */
export interface PinView {
  readonly authUrl: string
  readonly code: string
  readonly linkUrl: string
  readonly expiresAt: string
  readonly pollAfterMs: number
}

export type PinOutcome =
  | { readonly status: 'pending'; readonly pollAfterMs: number }
  | { readonly status: 'signed-in'; readonly session: Session }
  | { readonly status: 'expired' }
  /** It became a session before: a PIN is claimed once. */
  | { readonly status: 'spent' }

export interface StartOptions {
  readonly kind: SignInKind
  readonly returnTo: string
  /** The sign-ins in progress in this browser. */
  readonly signIns: readonly SignIn[]
  /** The limit that a new PIN counts against; by default `pin_address`. */
  readonly ration?: 'pin_address' | 'pin_unproven'
}

export interface Started {
  readonly signIn: SignIn
  readonly view: PinView
  /** The browser's device, to be stored, if a PIN has just been made under its identifier; else null. */
  readonly device: Device | null
}

export interface PinSignIns {
  /** Makes a PIN at plex.tv, or reuses the browser's PIN of this kind. */
  start(options: StartOptions, attempt: Attempt): Promise<Started>
  /** Whether somebody has signed in with it; for pages that ask again and again. */
  poll(signIn: SignIn, attempt: Attempt): Promise<PinOutcome>
  /** The same for a browser that returns from Plex's page: always a current answer, asked for twice if needed. */
  comeBack(signIn: SignIn, attempt: Attempt): Promise<PinOutcome>
  /** Gives a sign-in up. If its PIN was claimed, signs out the token, unless it is one of `kept`. */
  abandon(pin: Flow | SignIn, kept: readonly string[]): Promise<void>
  /** The flow of the key in a callback's URL; null without a valid one. */
  findFlow(key: unknown): Flow | null
}

/** Remembers for all instances which PINs became a session. */
export interface PinClaims {
  isTaken(pinId: number): Promise<boolean>
  /** False if it was taken before. */
  take(pinId: number): Promise<boolean>
  /** Whether other instances may claim PINs unnoticed, because the shared store is away. */
  readonly isShared: boolean
}

export interface PinSignInsOptions extends StartSessionOptions {
  readonly config: StartSessionOptions['config'] &
    Pick<Config, 'publicUrl' | 'plexUrl' | 'plexAppUrl' | 'client'>
  readonly plexTv: Pick<PlexTv, 'resources' | 'account' | 'createPin' | 'readPin'>
  readonly seal: Pick<Seal, 'seal' | 'unseal'>
  readonly claims: PinClaims
  readonly report: ReportAttempt
}

/** A PIN with less time left is not reused. */
const REUSE_MS = 5 * 60_000
const MINUTE_MS = 60_000
/** Abandoned PINs watched at once, to sign out the tokens of those that are claimed but never fetched. */
const MAX_AWAITED = 5000

type NewPin = Pick<SignIn, 'pinId' | 'code' | 'clientIdentifier' | 'expiresAt'>

/** Sign-in on Plex's own page, or with a code on another device (docs/reference/plex.md). */
export function createPinSignIns(options: PinSignInsOptions): PinSignIns {
  const { config, plexTv, seal, claims, report, signOuts, now } = options
  const looks = createPinLooks<PinOutcome>(now)
  let awaited = 0

  function pollAfterMs({ expiresAt }: Pick<SignIn, 'expiresAt'>): number {
    const left = expiresAt - now()
    return left > 14 * MINUTE_MS ? 1000 : left > 12 * MINUTE_MS ? 2000 : 4000
  }

  async function read({ pinId, clientIdentifier }: Flow | SignIn | NewPin): Promise<Pin | null> {
    try {
      return await plexTv.readPin(pinId, clientIdentifier)
    } catch (error) {
      if (error instanceof Problem && error.code === 'USHER_PIN_UNKNOWN') return null
      throw error
    }
  }

  async function create({ kind, ration = 'pin_address' }: StartOptions, attempt: Attempt): Promise<NewPin> {
    const { device, signedIn, rations } = attempt
    await rations.take(ration)
    const clientIdentifier = signedIn ? createClientIdentifier() : freeIdentifier(device, now())
    const pin = await plexTv.createPin(clientIdentifier, { strong: kind === 'redirect' })
    const made = { pinId: pin.id, code: pin.code, clientIdentifier, expiresAt: pin.expiresAt }
    awaitEnd(made, kind)
    return made
  }

  function end(pinId: number, status: 'expired' | 'spent'): void {
    looks.end(pinId, { status })
  }

  /** What happens to a PIN that plex.tv reports as claimed. */
  async function claim(signIn: SignIn, token: string, attempt: Attempt): Promise<PinOutcome> {
    const { pinId, clientIdentifier } = signIn
    let isRefused = false
    const watched: StartSessionOptions['signOuts'] = {
      add(...refused) {
        isRefused = true
        signOuts.add(...refused)
      }
    }
    try {
      const session = await startSession(
        { ...options, signOuts: watched },
        { token, clientIdentifier, method: 'pin' }
      )
      if (!(await claims.take(pinId))) return { status: 'spent' }
      end(pinId, 'spent')
      report({ method: 'pin', result: 'ok', accountId: session.account.id, attempt })
      return { status: 'signed-in', session }
    } catch (error) {
      if (isRefused) end(pinId, 'expired')
      // Its session was signed out since: the PIN is used up.
      if (error instanceof Problem && isTokenDead(error.cause)) return { status: 'expired' }
      throw error
    }
  }

  function lookAt(signIn: SignIn, attempt: Attempt): () => Promise<PinOutcome> {
    return async () => {
      try {
        const pin = await read(signIn)
        if (pin?.token === null) return { status: 'pending', pollAfterMs: pollAfterMs(signIn) }
        const isTaken = pin !== null && (await claims.isTaken(signIn.pinId))
        const outcome: PinOutcome =
          pin === null || isTaken
            ? { status: isTaken ? 'spent' : 'expired' }
            : await claim(signIn, pin.token, attempt)
        if (outcome.status === 'expired' || outcome.status === 'spent') end(signIn.pinId, outcome.status)
        return outcome
      } catch (error) {
        report({ method: 'pin', result: toResult(error), accountId: accountOf(error), attempt })
        throw error
      }
    }
  }

  async function dropClaimed(pin: Flow | NewPin, kept: readonly string[]): Promise<void> {
    if (looks.isOver(pin.pinId) || (await claims.isTaken(pin.pinId)) || !looks.mayAsk(pin.pinId)) return
    try {
      const token = (await read(pin))?.token ?? null
      if (token === null || kept.includes(token) || !(await claims.take(pin.pinId))) return
      end(pin.pinId, 'expired')
      signOuts.add(token, pin.clientIdentifier)
    } catch {
      // plex.tv is away. The token, if there is one, ends when its account signs the device out.
    }
  }

  /** For a PIN that is claimed, for example on a phone, after its page was closed: nobody fetches that token. */
  function awaitEnd(pin: NewPin, kind: SignInKind): void {
    if (claims.isShared || awaited >= MAX_AWAITED) return
    awaited += 1
    // plex.tv drops a link code at this moment; a strong PIN stays valid there for a while.
    const delayMs = pin.expiresAt - now() + (kind === 'link' ? -1000 : 1000)
    setTimeout(() => {
      awaited -= 1
      void dropClaimed(pin, [])
    }, delayMs).unref()
  }

  function started(signIn: SignIn, attempt: Attempt, device: Device | null): Started {
    const { returnTo, pinId, clientIdentifier, expiresAt, code } = signIn
    const own = attempt.device?.clientIdentifier ?? ''
    const flow = sealFlow(seal, { returnTo, pinId, clientIdentifier, expiresAt, device: own })
    const view = {
      authUrl: authUrl(config, signIn, flow),
      code,
      linkUrl: `${config.plexUrl}/link/?pin=${code}`,
      expiresAt: new Date(expiresAt).toISOString(),
      pollAfterMs: pollAfterMs(signIn)
    }
    return { signIn, view, device }
  }

  return {
    async start(start, attempt) {
      const { kind, returnTo, signIns } = start
      const { device, signedIn } = attempt
      const before = signIns.find((signIn) => signIn.kind === kind)
      // plex.tv keeps one token per account and identifier: a sign-in that may be abandoned takes a new identifier
      // if a session uses the browser's own.
      const isBeside = signedIn && before?.clientIdentifier === device?.clientIdentifier
      const isUsable =
        before !== undefined && before.expiresAt - now() > REUSE_MS && !looks.isOver(before.pinId)
      if (isUsable && !isBeside) return started({ ...before, returnTo, tabs: before.tabs + 1 }, attempt, null)
      const made = await create(start, attempt)
      const isLent = device !== null && device.clientIdentifier === made.clientIdentifier
      return started({ ...made, returnTo, kind, tabs: 1 }, attempt, isLent ? lendTo(device, now()) : null)
    },

    async poll(signIn, attempt) {
      if (now() >= signIn.expiresAt) return { status: 'expired' }
      return looks.poll(signIn.pinId, lookAt(signIn, attempt), { rememberMs: pollAfterMs(signIn) / 2 })
    },

    async comeBack(signIn, attempt) {
      if (now() >= signIn.expiresAt) return { status: 'expired' }
      const look = () => looks.fresh(signIn.pinId, lookAt(signIn, attempt))
      const first = await look()
      // Plex's page may send the browser back a moment before the claim can be read.
      return first.status === 'pending' ? look() : first
    },

    abandon: dropClaimed,

    findFlow: (key) => (typeof key === 'string' ? unsealFlow(seal, key) : null)
  }
}

/** The URL of Plex's sign-in page. It contains the code, but no token and no PIN id. */
function authUrl(
  { plexAppUrl, publicUrl, client }: PinSignInsOptions['config'],
  signIn: SignIn,
  flow: string
): string {
  const query = new URLSearchParams({
    clientID: signIn.clientIdentifier,
    code: signIn.code,
    'context[device][product]': client.product,
    'context[device][deviceName]': client.deviceName,
    'context[device][platform]': client.platform,
    'context[device][version]': client.version,
    forwardUrl: `${publicUrl.href}/session/callback?flow=${flow}`
  })
  return `${plexAppUrl}/auth#?${query}`
}
