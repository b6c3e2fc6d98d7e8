import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { SessionServer } from '../src/session/session.ts'
import { type Contender, cookiesOf, type Running, type Surroundings } from './contender.ts'
import { type Cores, pinned } from './cores.ts'
import { processTree, residentMb } from './cpu.ts'
import { warm } from './measure.ts'
import { PATHS } from './payload.ts'
import { ask, run } from './process.ts'
import type { Budget } from './rounds.ts'
import { withSealer } from './sessions.ts'
import type { UsherOptions } from './usher.ts'

/** One round: a quiet user beside a hostile account, and alone just before. */
export interface FairnessSample {
  readonly aloneP99Us: number
  readonly p99Us: number
  /** Pages that the quiet user did not get. */
  readonly failed: number
  /** Megabytes that Usher's process grew by. */
  readonly growth: number
}

/** What one account does, by name; the tests of the same names are in test/attack. */
export const ATTACKS = {
  'slow-readers': { label: '160 readers of a 20 MB list who stop reading', path: PATHS.list, sessions: 1 },
  pipelining: { label: '70,000 pipelined requests, answers not read', path: PATHS.small, sessions: 1 },
  'pipelining-read': { label: '70,000 pipelined requests, answers read', path: PATHS.small, sessions: 1 },
  'paused-downloads': { label: '9 sessions × 64 paused downloads', path: PATHS.part, sessions: 9 },
  'many-servers': {
    label: '63 servers of its own, a paused download from each',
    path: PATHS.part,
    sessions: 63
  },
  'plain-sockets': {
    label: '256 plain requests at the path of the WebSocket',
    path: PATHS.socket,
    sessions: 1
  }
} as const satisfies Record<string, { label: string; path: string; sessions: number }>

export type Attack = keyof typeof ATTACKS
export type Fairness = Readonly<Record<Attack, readonly FairnessSample[]>>

const ATTACKER = fileURLToPath(new URL('attack.ts', import.meta.url))
const SERVERS = fileURLToPath(new URL('servers.ts', import.meta.url))
const BYSTANDER = fileURLToPath(new URL('bystander.ts', import.meta.url))
const WARM_SECONDS = 2
const SECONDS_EACH = 12

export interface FairnessOptions {
  readonly contender: Contender
  /** The same without a configured server, where everybody brings their own. */
  readonly bringing: Contender
  readonly usher: UsherOptions
  readonly surroundings: Surroundings
  readonly budget: Budget
  readonly rounds: number
  readonly seconds: number
}

/** Every attack in turn, each on a fresh process, in so many rounds. */
export async function measureFairness(options: FairnessOptions): Promise<Fairness> {
  const samples: Record<Attack, FairnessSample[]> = {
    'slow-readers': [],
    pipelining: [],
    'pipelining-read': [],
    'paused-downloads': [],
    'many-servers': [],
    'plain-sockets': []
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const attack of Object.keys(ATTACKS) as Attack[]) {
      if (!options.budget.allows(SECONDS_EACH)) return samples
      samples[attack].push(await measureAttack(attack, options))
    }
  }
  return samples
}

async function measureAttack(
  attack: Attack,
  { contender, bringing, usher, surroundings, seconds }: FairnessOptions
): Promise<FairnessSample> {
  const { cores, upstream } = surroundings
  const { path, sessions } = ATTACKS[attack]
  const own = attack === 'many-servers' ? await startServers(sessions, cores) : null
  const started = await (own ? bringing : contender).start(surroundings)
  const at = (running: Running, servers: readonly (SessionServer | undefined)[]): Promise<string[]> =>
    withSealer(running, usher, upstream, (seal) => servers.map((server) => seal(server)))
  try {
    const shared = own
      ? { name: 'Box', machineIdentifier: usher.machineIdentifier, uri: upstream }
      : undefined
    const [hostileCookie = ''] = await at(started, [shared])
    const hostile: Running = { ...started, cookie: hostileCookie }
    await warm(hostile, cores, WARM_SECONDS)
    const friend: Running = { ...started, cookie: await signInFriend(started, usher) }
    const [quietCookie = ''] = await at(friend, [shared])
    const quiet: Running = { ...friend, cookie: quietCookie }
    const cookies = await at(hostile, own?.servers ?? Array.from({ length: sessions }, () => undefined))
    const alone = await look(quiet, cores, seconds)
    const pids = processTree(started.pids)
    const before = residentMb(pids)
    const attacker = await startAttack(attack, `${started.url}${path}`, cookies, cores)
    const beside = await look(quiet, cores, seconds)
    const growth = residentMb(pids) - before
    await attacker.stop()
    return { aloneP99Us: alone.p99Us, p99Us: beside.p99Us, failed: alone.failed + beside.failed, growth }
  } finally {
    await started.stop()
    own?.stop()
  }
}

/** Media servers of the hostile account's own. */
async function startServers(
  count: number,
  cores: Cores
): Promise<{ readonly servers: readonly SessionServer[]; stop(): void }> {
  const [file, args] = pinned(cores.load, process.execPath, [SERVERS])
  const child = spawn(file, args, {
    env: { PATH: process.env['PATH'] ?? '', COUNT: String(count) },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 60_000,
    killSignal: 'SIGKILL'
  })
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  const servers = (JSON.parse(line) as number[]).map((port, i) => {
    return { name: `Server ${i}`, machineIdentifier: `benchserver${i}`, uri: `http://127.0.0.1:${port}` }
  })
  return { servers, stop: () => child.stdin.end() }
}

/** The account that the simulator's Box is shared with. */
async function signInFriend({ url }: Running, { password }: UsherOptions): Promise<string> {
  const { origin } = new URL(url)
  const { status, headers, body } = await ask(
    `${origin}/session/login`,
    { 'Content-Type': 'application/json', Origin: origin, 'Sec-Fetch-Site': 'same-origin' },
    { method: 'POST', body: JSON.stringify({ login: 'friend', password }) }
  )
  if (status !== 201) throw new Error(`Usher refuses the friend with ${status}: ${body.toString()}`)
  return cookiesOf(headers['set-cookie'])
}

async function look(
  { url, cookie }: Running,
  cores: Cores,
  seconds: number
): Promise<{ p99Us: number; failed: number }> {
  const env = { TARGET: `${url}${PATHS.small}`, COOKIE: cookie, SECONDS: String(seconds) }
  const launch = { command: process.execPath, args: [BYSTANDER], env, core: cores.load }
  return JSON.parse(await run(launch, (seconds + 20) * 1000)) as { p99Us: number; failed: number }
}

async function startAttack(
  attack: Attack,
  target: string,
  cookies: readonly string[],
  cores: Cores
): Promise<{ stop: () => Promise<void> }> {
  const [file, args] = pinned(cores.load, process.execPath, [ATTACKER])
  const child = spawn(file, args, {
    env: {
      PATH: process.env['PATH'] ?? '',
      TARGET: target,
      COOKIES: JSON.stringify(cookies),
      ATTACK: attack
    },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 60_000,
    killSignal: 'SIGKILL'
  })
  const ended = once(child, 'exit')
  await once(child.stdout.setEncoding('utf8'), 'data')
  return {
    async stop() {
      child.stdin.end()
      await ended
    }
  }
}
