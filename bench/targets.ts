import { isRatio, type Outcome, summarize } from './ratio.ts'
import {
  cpuRatio,
  fairnessGrowth,
  fairnessRatio,
  partCostRatio,
  type Results,
  singleRatio,
  startRatio,
  textRatio,
  throughputRatio
} from './results.ts'

export interface Target {
  readonly label: string
  readonly better: 'lower' | 'higher'
  readonly must: number
  readonly aim: number | null
  readonly unit: '' | 'MB'
  /** Whether missing it fails the run: ratios to bare Node on the same core, which noise affects least. */
  readonly gate: boolean
  readonly outcome: (results: Results) => Outcome
}

export type Verdict = 'aim' | 'pass' | 'fail' | 'refused'

function lower(label: string, must: number, aim: number | null, outcome: Target['outcome']): Target {
  return { label, better: 'lower', must, aim, unit: '', gate: false, outcome }
}

function higher(label: string, must: number, aim: number | null, outcome: Target['outcome']): Target {
  return { ...lower(label, must, aim, outcome), better: 'higher' }
}

function gate(target: Target): Target {
  return { ...target, gate: true }
}

function growth(
  label: string,
  must: number,
  aim: number,
  figure: 'partGrowth' | 'slowReadersGrowth' | 'connectionsGrowth'
): Target {
  const outcome = ({ memory }: Results): Outcome =>
    summarize(memory['usher'] ? [memory['usher'][figure]] : [])
  return { ...lower(label, must, aim, outcome), unit: 'MB' }
}

/** What forwarding must reach, and what it aims at. */
export const TARGETS: readonly Target[] = [
  lower('CPU per 1 KB request ÷ nginx', 3.2, 1.8, (r) => cpuRatio(r, 'small', 'usher', 'nginx')),
  gate(
    lower('CPU per 1 KB request ÷ bare node:http + undici', 1.1, 0.8, (r) =>
      cpuRatio(r, 'small', 'usher', 'bare')
    )
  ),
  gate(
    lower('the same, Usher without its log line', 1.0, 0.75, (r) =>
      cpuRatio(r, 'small', 'usher-quiet', 'bare')
    )
  ),
  higher('Fastify, secure-session, http-proxy ÷ Usher', 1.9, 2.6, (r) =>
    cpuRatio(r, 'small', 'fastify', 'usher')
  ),
  higher('express, iron-session, http-proxy-middleware ÷ Usher', 6.5, 9.5, (r) =>
    cpuRatio(r, 'small', 'express', 'usher')
  ),
  lower('CPU per 1 KB request ÷ nginx auth_request + Node verifier', 1.1, 0.75, (r) =>
    cpuRatio(r, 'small', 'usher', 'auth-request')
  ),
  lower('CPU per 64 KB request ÷ nginx', 3, 2, (r) => textRatio(r, 'large', 'usher', 'nginx')),
  gate(
    lower('CPU per 64 KB request ÷ bare node:http + undici', 0.9, 0.6, (r) =>
      textRatio(r, 'large', 'usher', 'bare')
    )
  ),
  lower('bytes of 1 MB of JSON to the browser ÷ nginx with gzip on', 1.05, 0.8, (r) =>
    textRatio(r, 'json1', 'usher-compressing', 'nginx-gzip', 'bytes')
  ),
  higher('200 MB part, MB/s ÷ nginx', 0.7, 0.95, (r) => throughputRatio(r, 'usher', 'nginx', 'measured')),
  lower('200 MB part, CPU per GB ÷ nginx', 1.7, 1.2, (r) => partCostRatio(r, 'usher', 'nginx')),
  growth('resident growth over a 200 MB part', 8, 4, 'partGrowth'),
  growth('resident growth with ten slow readers', 8, 4, 'slowReadersGrowth'),
  growth('resident growth with 1,000 idle connections', 20, 8, 'connectionsGrowth'),
  lower('p50 at one connection ÷ nginx', 2, 1.5, (r) => singleRatio(r, 'usher', 'nginx')),
  lower('100,000 sessions (all cache misses) ÷ 2,000 known ones (all hits)', 1.3, 1.15, (r) =>
    cpuRatio(r, 'sessions', 'usher-misses', 'usher-hits')
  ),
  lower('p99 of a quiet user beside a hostile account ÷ alone', 2, 1.3, fairnessRatio),
  { ...lower('resident growth by a hostile account', 64, 32, fairnessGrowth), unit: 'MB' },
  lower('start to first answer ÷ a bare Fastify', 1.4, 1.25, (r) => startRatio(r, 'ms', 'usher', 'fastify')),
  lower('start to first answer with an OpenID client ÷ without', 3, 2, (r) =>
    startRatio(r, 'ms', 'usher-openid', 'usher')
  ),
  lower('resident memory after a start with an OpenID client ÷ without', 2, 1.5, (r) =>
    startRatio(r, 'mb', 'usher-openid', 'usher')
  )
]

/** How the median compares with the target and the aim. */
export function verdictOf({ better, must, aim }: Target, outcome: Outcome): Verdict {
  if (!isRatio(outcome)) return 'refused'
  const reaches = (limit: number | null): boolean =>
    limit !== null && (better === 'lower' ? outcome.median <= limit : outcome.median >= limit)
  if (reaches(aim)) return 'aim'
  return reaches(must) ? 'pass' : 'fail'
}
