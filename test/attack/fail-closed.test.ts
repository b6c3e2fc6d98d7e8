import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe } from 'node:diagnostics_channel'
import t from 'tap'
import type { Core } from '../../src/app/core.ts'
import { BOX_ID } from '../simulator/servers.ts'
import { ACCESS, bearer, SESSION, startDelegation } from '../support/services.ts'

/** The parts that decide who may do what; each of them broken in turn. */
const GUARDS: readonly [name: string, part: (core: Core) => object, method: string][] = [
  ['who a cookie is', ({ sessions }) => sessions, 'read'],
  ['what a sealed value says', ({ seal }) => seal, 'unseal'],
  ['what is revoked', ({ revocations }) => revocations, 'isRevoked'],
  ['what is known of a session', ({ live }) => live, 'glance'],
  ['whether it has to be checked first', ({ recheck }) => recheck, 'mustWait'],
  ['how old the last good answer is', ({ recheck }) => recheck, 'isPastGrace']
]

const SERVICE_GUARDS: readonly [name: string, part: (core: Core) => object, method: string][] = [
  ['who a service is', ({ tokens }) => tokens.services, 'authenticate'],
  ['in whose name it asks', ({ sessions }) => sessions, 'open'],
  ['how old the last good answer is', ({ recheck }) => recheck, 'isPastGrace']
]

const SECRET = 'what broke, in words that nobody outside may read'

/** True in what a request runs; what Usher does by itself every few seconds asks the same guards. */
const isRequest = new AsyncLocalStorage<true>()
subscribe('http.server.request.start', () => isRequest.enterWith(true))

/** Makes one method throw for requests; gives what mends it again. */
function sabotage(part: object, method: string): () => void {
  const known: unknown = Reflect.get(part, method)
  if (typeof known !== 'function') throw new TypeError(`no method ${method}`)
  Reflect.set(part, method, (...args: unknown[]) => {
    if (isRequest.getStore() !== true) return Reflect.apply(known, part, args)
    throw new Error(SECRET)
  })
  return () => Reflect.set(part, method, known)
}

t.test('rule 40: whichever guard of a browser breaks, nothing passes it', async (t) => {
  const { usher, simulator } = await startDelegation(t)
  const requests = [
    ['GET', '/session'],
    ['GET', '/session/account'],
    ['GET', '/session/home'],
    ['GET', '/session/servers'],
    ['GET', `/session/source?source=server://${BOX_ID}`],
    ['GET', '/session/verify'],
    ['GET', '/session/verify/ext-authz/role=owner/some/path'],
    ['GET', '/pms/library/sections'],
    ['GET', '/plex/api/v2/user']
  ] as const
  for (const [name, part, method] of GUARDS) {
    const browser = await usher.signedIn()
    simulator.clearReceived()
    const mend = sabotage(part(usher.core), method)
    for (const [verb, path] of requests) {
      const answer = await browser.ask(path, { method: verb })
      t.ok(answer.status >= 400, `${name}: ${verb} ${path} ${answer.status}`)
      t.notMatch(answer.text, SECRET)
      t.notOk('remote-user' in answer.headers, 'no identity goes along')
    }
    mend()
    const asked = simulator.received().filter(({ url }) => url !== '/identity')
    t.strictSame(
      asked.map(({ url }) => url),
      [],
      `${name}: nobody was asked anything`
    )
    for (const [verb, path] of requests) {
      const answer = await browser.ask(path, { method: verb })
      t.ok(answer.status < 300, `mended: ${verb} ${path} ${answer.status}`)
    }
  }
})

t.test('rule 40: whichever guard of a service breaks, no token leaves', async (t) => {
  const { usher, simulator, exchange, ask } = await startDelegation(t)
  for (const [name, part, method] of SERVICE_GUARDS) {
    const browser = await usher.signedIn()
    const subject = { subject_token: browser.jar.get('usher'), subject_token_type: SESSION }
    simulator.clearReceived()
    const mend = sabotage(part(usher.core), method)
    const answers = [
      await exchange('full', subject),
      await exchange('full', { ...subject, requested_token_type: ACCESS })
    ]
    if (method === 'authenticate') {
      const headers = { authorization: bearer('full') }
      answers.push(await ask(`/sources?source=server://${BOX_ID}`, { headers }))
    }
    for (const answer of answers) {
      t.ok(answer.status >= 400, `${name}: ${answer.status}`)
      t.notMatch(answer.text, SECRET)
      t.notMatch(answer.text, /transient-|access_token/)
    }
    mend()
    t.strictSame(simulator.received({ service: 'pms', path: '/security' }), [], `${name}: nothing was asked`)
    t.equal((await exchange('full', subject)).status, 200, 'mended')
  }
})
