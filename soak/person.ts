import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { AccountKey } from '../test/simulator/accounts.ts'
import { BIG_PART, BIG_PART_BYTES, CHANGE_STAMP } from '../test/simulator/pms/catalogue.ts'
import { partBytes } from '../test/simulator/pms/parts.ts'
import type { Book } from './book.ts'
import { type Client, createClient, PATIENCE_MS, type Question, type Reply } from './client.ts'
import type { Instance } from './instance.ts'
import { APP, type Deployment, type Place } from './place.ts'
import type { Random } from './random.ts'
import type { Weather } from './weather.ts'

export interface Person {
  /** Acts until the signal, and ends what is under way. */
  live(signal: AbortSignal): Promise<void>
  /** At the end: whether the session is still there, at every instance; then signs out. */
  leave(): Promise<void>
  /** Session ids that an app knows and that have ended. */
  readonly ended: readonly string[]
}

export interface PersonOptions {
  readonly number: number
  readonly account: AccountKey
  readonly deployment: Deployment
  readonly place: Place
  readonly weather: Weather
  readonly book: Book
  readonly random: Random
}

interface Tokens {
  readonly access_token: string
  readonly id_token: string
  readonly refresh_token: string
}

const PAUSE_MS = 5000
/** By then a line of the log is here that was written with an answer: lines leave an Usher in batches. */
const LOGGED_MS = 1500
const LAST_SIGN_INS = 3
const PART = `/pms/library/parts/${BIG_PART}/${CHANGE_STAMP}/big.mkv`
/**
 * What an outage may answer. 401 is not among them: nobody is signed out by one. Below /pms a 403 is: a media server that
 * cannot ask plex.tv knows no fresh token, and plex.tv, asked a moment later, says that the token is good.
 */
const AWAY: readonly number[] = [429, 502, 503, 504]

/** Somebody with a browser, who does one thing after another and notices whatever is wrong. */
export function createPerson(options: PersonOptions): Person {
  const { number, account: key, deployment, place, weather, book, random } = options
  const account = place.simulator.accounts.list().find((each) => each.key === key)
  if (account === undefined) throw new RangeError(`no account ${key}`)
  const me = account
  const who = `person ${number} (${key}, ${deployment.name})`
  const client: Client = createClient(`198.51.100.${number}`, (path) => {
    // A film may pause for twenty times the limit, and its server went silent half-way.
    const isExcused =
      path.includes('/library/parts/') && !weather.isServerWell(performance.now() - PATIENCE_MS)
    if (!isExcused) book.violation('no answer within a minute', `${who} ${path}`)
  })
  let isSignedIn = false
  let tokens: Tokens | null = null
  const ended: string[] = []

  const wrong = (rule: string, what: string) => book.violation(rule, `${who}: ${what}`)

  function anInstance(): Instance | null {
    const up = deployment.instances.filter(({ isUp }) => isUp)
    return up.length === 0 ? null : random.pick(up)
  }

  /**
   * Whether nothing had gone wrong since then that excuses what was just seen. An Usher that has lost its store says so
   * after the answer that suffered from it.
   */
  async function wasCalm(since: number): Promise<boolean> {
    if (!weather.isCalm(since)) return false
    await delay(LOGGED_MS)
    return deployment.instances.every(({ storeTroubleAt }) => storeTroubleAt < since)
  }

  /** Asks, and notes what must never be answered. Null where nobody answered, which an outage excuses. */
  async function ask(name: string, path: string, question: Question = {}, good: readonly number[] = [200]) {
    const instance = anInstance()
    if (instance === null) return null
    const since = performance.now()
    const reply = await client.ask(instance, path, question)
    if (reply === null || !reply.isWhole) {
      book.act(name, 'away')
      if (await wasCalm(since)) wrong('a connection broken off', `${name} at ${instance.name}`)
      return null
    }
    book.bytes(reply.body.length)
    if (reply.body.length < 100_000) book.text(`a response to ${name}`, toText(reply))
    if (good.includes(reply.status)) {
      book.act(name, 'done')
      return reply
    }
    book.act(name, 'away')
    const told = `${name} at ${instance.name} answered ${reply.status} ${reply.body.toString().slice(0, 200)}`
    if (reply.status === 401 && isSignedIn && question.isServer !== true) {
      wrong('signed out', told)
      isSignedIn = false
      return reply
    }
    // Usher's own limit of sign-ins, which those that an outage let fail count against; and that of plex.tv, to which
    // Usher keeps.
    const isLimited =
      (reply.status === 429 && path.startsWith('/session/')) ||
      (weather.isLimited() && reply.body.includes('USHER_PLEX_LIMITED'))
    const isAway = AWAY.includes(reply.status) || (reply.status === 403 && path.startsWith('/pms/'))
    if (!isAway || (!isLimited && (await wasCalm(since)))) wrong('refused without a reason', told)
    return reply
  }

  async function signIn(): Promise<void> {
    const reply = me.password === null || random.next() < 0.3 ? await signInByPin() : await signInByPassword()
    if (reply?.status !== 201 && reply?.status !== 200) return
    const view = JSON.parse(reply.body.toString()) as { status?: string; account?: { id: number } }
    isSignedIn = view.status === undefined || view.status === 'signed-in'
  }

  function signInByPassword(): Promise<Reply | null> {
    const code = me.verificationCode === null ? {} : { verificationCode: me.verificationCode }
    const json = { login: me.login, password: me.password, ...code }
    return ask('sign in by password', '/session/login', { method: 'POST', json }, [201])
  }

  async function signInByPin(): Promise<Reply | null> {
    const json = { kind: 'link' }
    const begun = await ask('sign in by code', '/session/pin', { method: 'POST', json }, [201])
    if (begun?.status !== 201) return null
    const { code } = JSON.parse(begun.body.toString()) as { code: string }
    place.simulator.pins.claim(code, key)
    const reply = await ask('sign in by code', '/session/pin', {}, [200, 404])
    return reply?.status === 200 ? reply : null
  }

  async function look(): Promise<void> {
    const path = random.pick([
      '/session',
      '/session/account',
      '/session/verify',
      '/pms/library/sections',
      '/signin'
    ])
    const reply = await ask(`GET ${path}`, path, {}, [200, 204])
    if (reply === null || reply.status >= 400) return
    if (path === '/session/account' && idIn(reply) !== me.id)
      wrong('somebody else’s data', `account ${idIn(reply)}`)
    if (path === '/session') {
      const { account: shown } = JSON.parse(reply.body.toString()) as { account: { id: number } }
      if (shown.id !== me.id) wrong('somebody else’s data', `session of ${shown.id}`)
    }
    const told = reply.headers['x-usher-account-id']
    if (path === '/session/verify' && told !== String(me.id))
      wrong('somebody else’s data', `verify told ${told}`)
  }

  async function stream(): Promise<void> {
    const length = random.between(1, 400_000)
    const offset = random.between(0, BIG_PART_BYTES - length)
    const since = performance.now()
    const range = `bytes=${offset}-${offset + length - 1}`
    const reply = await ask('a part of a film', PART, { headers: { range } }, [206, 200])
    if (reply === null || reply.status >= 400 || !weather.isServerWell(since)) return
    if (reply.status !== 206 || !reply.body.equals(partBytes(offset, length)))
      wrong('foreign bytes', `${range} has status ${reply.status} and ${reply.body.length} bytes`)
  }

  async function listen(signal: AbortSignal): Promise<void> {
    const instance = anInstance()
    if (instance === null) return
    const since = performance.now()
    const ms = random.between(2000, 12_000)
    const end = AbortSignal.any([signal, AbortSignal.timeout(ms)])
    const how = await client.hold(instance, '/pms/:/eventsource/notifications', end)
    book.act('an event stream', how === 'held' ? 'done' : 'away')
    if (how !== 'held' && (await wasCalm(since)))
      wrong('a stream broken off', `at ${instance.name}: ${JSON.stringify(how)}`)
  }

  async function enterApp(): Promise<void> {
    const verifier = randomBytes(32).toString('base64url')
    const query = new URLSearchParams({
      client_id: APP.id,
      response_type: 'code',
      redirect_uri: APP.callback,
      scope: 'openid profile email groups offline_access',
      prompt: 'consent',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      state: 'x',
      nonce: 'y'
    })
    const headers = {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      accept: 'text/html'
    }
    const led = await ask('enter an app', `/oidc/auth?${query}`, { headers }, [303])
    if (led?.status !== 303) return
    const to = new URL(led.headers.location ?? '', APP.callback)
    const code = to.searchParams.get('code')
    // The store was away, and the app was told so.
    if (code === null && to.searchParams.get('error') === 'temporarily_unavailable') return
    if (code === null) return void wrong('an app not entered', String(to).slice(0, 200))
    const form = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: APP.callback,
      code_verifier: verifier
    }
    const reply = await askAsApp('redeem a code', '/oidc/token', form)
    if (reply?.status !== 200) return
    tokens = JSON.parse(reply.body.toString()) as Tokens
    checkSub(claimsOf(tokens.id_token).sub, 'ID token')
  }

  async function useApp(): Promise<void> {
    if (tokens === null) return
    const { access_token } = tokens
    const headers = { authorization: `Bearer ${access_token}` }
    const info = await ask('userinfo', '/oidc/userinfo', { headers, isServer: true }, [200])
    if (info?.status === 200) checkSub((JSON.parse(info.body.toString()) as { sub: string }).sub, 'userinfo')
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
    const reply = await askAsApp('refresh', '/oidc/token', form)
    // Without an answer nobody knows whether the old token was replaced: this sign-in is over for the app.
    tokens = reply?.status === 200 ? { ...tokens, ...(JSON.parse(reply.body.toString()) as Tokens) } : null
  }

  function askAsApp(name: string, path: string, form: Record<string, string>): Promise<Reply | null> {
    const authorization = `Basic ${Buffer.from(`${APP.id}:${APP.secret}`).toString('base64')}`
    return ask(name, path, { method: 'POST', form, headers: { authorization }, isServer: true }, [200])
  }

  function checkSub(sub: string, where: string): void {
    if (sub !== String(me.id)) wrong('somebody else’s data', `${where} of ${sub}`)
  }

  async function signOut(): Promise<void> {
    const before = new Map(client.jar)
    const reply = await ask('sign out', '/session/logout', { method: 'POST' }, [204])
    if (reply?.status !== 204) return
    isSignedIn = false
    if (tokens !== null) ended.push(claimsOf(tokens.id_token).sid)
    tokens = null
    const copy = createClient(`198.51.100.${number}`, () => undefined)
    for (const [name, value] of before) copy.jar.set(name, value)
    // At another instance it takes a moment, and longer while Redis is away.
    await delay(2000)
    const since = performance.now()
    for (const instance of deployment.instances) {
      if (!instance.isUp) continue
      const answer = await copy.ask(instance, '/session?slide=false')
      if (answer?.status === 200 && (await wasCalm(since - 2000)))
        wrong('a copied cookie that lives after the sign-out', instance.name)
    }
  }

  async function act(signal: AbortSignal): Promise<void> {
    if (!isSignedIn) return signIn()
    const dice = random.next()
    if (dice < 0.42) return look()
    if (dice < 0.66) return stream()
    if (dice < 0.76) return listen(signal)
    if (dice < 0.84) return enterApp()
    if (dice < 0.95) return useApp()
    return signOut()
  }

  return {
    async live(signal) {
      while (!signal.aborted) {
        await act(signal)
        await delay(random.next() * 2 * PAUSE_MS, undefined, { signal }).catch(() => undefined)
      }
    },
    async leave() {
      // Once more, also where a sign-in broke off half-way: the next one of a browser replaces its token at plex.tv.
      for (let tries = 0; !isSignedIn && tries < LAST_SIGN_INS; tries += 1) {
        if (tries > 0) await delay(PAUSE_MS)
        await signIn()
      }
      // Why was noted above, unless it is excused.
      if (!isSignedIn) return
      for (const instance of deployment.instances) {
        const reply = await client.ask(instance, '/session')
        if (reply?.status !== 200)
          wrong('a lost session', `${instance.name} answers ${reply?.status} at the end`)
      }
      await signOut()
    },
    ended
  }
}

function toText(reply: Reply): string {
  return `${JSON.stringify(reply.headers)}\n${reply.body.toString('latin1')}`
}

function idIn(reply: Reply): unknown {
  return (JSON.parse(reply.body.toString()) as { id: unknown }).id
}

function claimsOf(jwt: string): { sub: string; sid: string } {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as {
    sub: string
    sid: string
  }
}
