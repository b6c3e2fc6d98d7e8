// A soak that finds nothing proves something only if it can find it: here an Usher that lies, in one way after another.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { type Book, createBook } from '../soak/book.ts'
import { createInstance, type Instance } from '../soak/instance.ts'
import { createPerson } from '../soak/person.ts'
import type { Place } from '../soak/place.ts'
import type { Random } from '../soak/random.ts'
import { toMarkdown, verdictOf } from '../soak/report.ts'
import { createWeather, type Weather } from '../soak/weather.ts'
import { startSimulator } from './simulator/simulator.ts'
import { freePort } from './support/ports.ts'
import { settingsFor } from './support/settings.ts'
import { until } from './support/until.ts'

const OWNER_ID = 13_692_262
/** What a person's dice show, so that the next act is this one. */
const DICE = { look: 0.1, stream: 0.5, listen: 0.7, enter: 0.8, leave: 0.99 } as const

type Answers = Readonly<Record<string, (response: ServerResponse) => void>>

interface Lie {
  readonly name: string
  readonly act: keyof typeof DICE
  /** Which page the person looks at. */
  readonly page?: string
  /** Path to answer; all others are as they should be. */
  readonly answers: Answers
  readonly found: RegExp
}

const json = (response: ServerResponse, status: number, body: object, headers = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

/** As Usher answers the owner. */
const TRUTH: Answers = {
  '/session/login': (response) =>
    json(response, 201, { account: { id: OWNER_ID } }, { 'set-cookie': 'usher=x; Path=/' }),
  '/session/logout': (response) => response.writeHead(204, { 'set-cookie': 'usher=; Max-Age=0' }).end(),
  '/session': (response) => json(response, 200, { account: { id: OWNER_ID } })
}

const LIES: readonly Lie[] = [
  {
    name: 'the session of somebody else',
    act: 'look',
    page: '/session',
    answers: { '/session': (response) => json(response, 200, { account: { id: 1 } }) },
    found: /^somebody else’s data .*session of 1$/
  },
  {
    name: 'the account of somebody else',
    act: 'look',
    page: '/session/account',
    answers: { '/session/account': (response) => json(response, 200, { id: 1 }) },
    found: /^somebody else’s data .*account 1$/
  },
  {
    name: 'somebody else’s name for an app',
    act: 'look',
    page: '/session/verify',
    answers: {
      '/session/verify': (response) => response.writeHead(204, { 'x-usher-account-id': '1' }).end()
    },
    found: /^somebody else’s data .*verify told 1$/
  },
  {
    name: 'bytes of another film',
    act: 'stream',
    answers: { '/pms/library/parts/': (response) => response.writeHead(206).end('other bytes') },
    found: /^foreign bytes /
  },
  {
    name: 'a token in a page',
    act: 'look',
    page: '/signin',
    answers: { '/signin': (response) => response.end('<p>sim-usr-tok-abcd1234') },
    found: /^a token left Usher token in a response to GET \/signin$/
  },
  {
    name: '401 to somebody who has signed in',
    act: 'look',
    page: '/session',
    answers: { '/session': (response) => json(response, 401, {}) },
    found: /^signed out /
  },
  {
    name: '503 while all is well',
    act: 'look',
    page: '/session',
    answers: { '/session': (response) => json(response, 503, {}) },
    found: /^refused without a reason /
  },
  {
    name: 'a connection that breaks',
    act: 'look',
    page: '/session',
    answers: { '/session': (response) => response.destroy() },
    found: /^a connection broken off /
  },
  {
    name: 'an event stream that ends',
    act: 'listen',
    answers: { '/pms/:/eventsource/notifications': (response) => response.end('event: a\n\n') },
    found: /^a stream broken off /
  },
  {
    name: 'an app that is not entered',
    act: 'enter',
    answers: {
      '/oidc/auth': (response) =>
        response.writeHead(303, { location: 'https://notes.example/callback?error=server_error' }).end()
    },
    found: /^an app not entered /
  },
  {
    name: 'a copied cookie that outlives its session',
    act: 'leave',
    answers: {},
    found: /^a copied cookie that lives after the sign-out /
  }
]

const CALM: Weather = {
  isCalm: () => true,
  isLimited: () => false,
  isServerWell: () => true,
  play: async () => undefined
}

async function stage(t: Test, lies: Answers) {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0] ?? ''
    const [, answer] =
      [...Object.entries(lies), ...Object.entries(TRUTH)].find(
        ([start]) => path === start || (start.endsWith('/') && path.startsWith(start))
      ) ?? []
    request.resume()
    if (answer === undefined) response.writeHead(404).end()
    else answer(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const instance = { name: 'liar', port, host: 'usher.example', isUp: true, storeTroubleAt: -Infinity }
  const deployment = { name: 'pair', instances: [instance as Instance], told: new Set<string>() } as const
  const place = { simulator, deployments: [deployment] } as unknown as Place
  return { place, deployment }
}

/** The owner signs in by password, does one thing and goes. */
async function live(
  t: Test,
  { act, page, answers }: Pick<Lie, 'act' | 'page' | 'answers'>,
  weather?: Weather
) {
  const { place, deployment } = await stage(t, answers)
  const book = createBook()
  const end = new AbortController()
  // No link code, no pause after it; then the act, and the end instead of the pause.
  const dice = [0.9, 0, DICE[act]]
  const random: Random = {
    next: () => {
      if (dice.length === 0) end.abort()
      return dice.shift() ?? 0
    },
    between: (least) => least,
    pick: (list) => list.find((each) => each === page) ?? (list[0] as never)
  }
  const person = createPerson({
    number: 1,
    account: 'owner',
    deployment,
    place,
    weather: weather ?? createWeather(place, book),
    book,
    random
  })
  await person.live(end.signal)
  book.lookForTokens()
  return { book, person }
}

const found = ({ violations }: Book) => violations.map(({ rule, what }) => `${rule} ${what}`)

for (const lie of LIES) {
  t.test(`a soak finds ${lie.name}`, async (t) => {
    const { book } = await live(t, lie)
    t.equal(book.violations.length, 1, found(book).join())
    t.match(found(book)[0], lie.found)
    t.match(verdictOf(book), { isGood: false, words: /1 violations$/ })
    const options = { minutes: 1, seed: 1, people: 2, out: null }
    const rule = book.violations[0]?.rule ?? ''
    t.match(toMarkdown({ options, book, startedAt: new Date() }), `| ${rule} | `)
  })
}

t.test('a soak finds a session that is lost at the end', async (t) => {
  let asked = 0
  const { book, person } = await live(t, {
    act: 'look',
    page: '/session',
    answers: {
      '/session': (response) =>
        asked++ === 0 ? json(response, 200, { account: { id: OWNER_ID } }) : response.writeHead(401).end()
    }
  })
  t.strictSame(found(book), [])
  await person.leave()
  t.match(found(book), [/^a lost session .*answers 401 at the end$/])
})

t.test('an outage excuses a 503, and no 401', async (t) => {
  const trouble: Weather = { ...CALM, isCalm: () => false, isServerWell: () => false }
  const refusing = (status: number) => ({
    act: 'look' as const,
    page: '/session',
    answers: { '/session': (response: ServerResponse) => json(response, status, {}) }
  })
  t.strictSame(found((await live(t, refusing(503), trouble)).book), [])
  t.match(found((await live(t, refusing(401), trouble)).book), [/^signed out /])
})

t.test('a soak finds an instance that ends by itself', async (t) => {
  const book = createBook()
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const instance = createInstance('one', settingsFor(simulator, await freePort()), book)
  t.teardown(() => instance.kill())
  await instance.start()
  instance.signal('SIGKILL')
  await until(() => book.violations.length > 0)
  t.strictSame(found(book), ['ended by itself one: SIGKILL'])
})
