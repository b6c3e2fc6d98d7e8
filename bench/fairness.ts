import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
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
  'paused-downloads': { label: '9 sessions × 64 paused downloads', path: PATHS.part, sessions: 9 }
} as const satisfies Record<string, { label: string; path: string; sessions: number }>

export type Attack = keyof typeof ATTACKS
export type Fairness = Readonly<Record<Attack, readonly FairnessSample[]>>

const ATTACKER = fileURLToPath(new URL('attack.ts', import.meta.url))
const BYSTANDER = fileURLToPath(new URL('bystander.ts', import.meta.url))
const WARM_SECONDS = 2
const SECONDS_EACH = 12

export interface FairnessOptions {
  readonly contender: Contender
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
    'paused-downloads': []
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
  { contender, usher, surroundings, seconds }: FairnessOptions
): Promise<FairnessSample> {
  const { cores, upstream } = surroundings
  const { path, sessions } = ATTACKS[attack]
  const hostile = await contender.start(surroundings)
  try {
    await warm(hostile, cores, WARM_SECONDS)
    const quiet: Running = { ...hostile, cookie: await signInFriend(hostile, usher) }
    const cookies = await withSealer(hostile, usher, upstream, (seal) =>
      Array.from({ length: sessions }, seal)
    )
    const alone = await look(quiet, cores, seconds)
    const pids = processTree(hostile.pids)
    const before = residentMb(pids)
    const attacker = await startAttack(attack, `${hostile.url}${path}`, cookies, cores)
    const beside = await look(quiet, cores, seconds)
    const growth = residentMb(pids) - before
    await attacker.stop()
    return { aloneP99Us: alone.p99Us, p99Us: beside.p99Us, failed: alone.failed + beside.failed, growth }
  } finally {
    await hostile.stop()
  }
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
