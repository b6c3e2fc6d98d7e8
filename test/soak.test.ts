import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { growthOf } from '../soak/memory.ts'
import { readOptions } from '../soak/options.ts'
import { planTroubles } from '../soak/schedule.ts'
import { skipWithout } from './support/programs.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..')

const skip = skipWithout('redis-server', 'prlimit')

t.test('a short soak: a restart, and nothing that must not be', { skip, timeout: 240_000 }, async (t) => {
  const dir = t.testdir()
  const args = ['-u', 'NODE_OPTIONS', process.execPath, 'soak/run.ts']
  const { stdout, stderr } = await run(
    'env',
    [...args, '--minutes', '0.2', '--seed', '5', '--people', '8', '--out', dir],
    {
      cwd: ROOT,
      timeout: 240_000
    }
  )
  t.match(stdout, /acts, 1 troubles, nothing that must not be/, stderr)
  t.match(readFileSync(join(dir, 'soak.md'), 'utf8'), /### What people did/)
  t.match(readFileSync(join(dir, 'soak.svg'), 'utf8'), /<polyline class="one"/)
})

t.test('a seed gives one schedule, with a quiet beginning and a quiet end', async (t) => {
  const plan = planTroubles(3, 60)
  t.strictSame(plan, planTroubles(3, 60))
  t.notSame(plan, planTroubles(4, 60))
  const kinds = new Set(plan.map(({ trouble }) => trouble.kind))
  for (const kind of [
    'answer',
    'gone',
    'redis killed',
    'redis frozen',
    'restart',
    'reload',
    'clock',
    'disk full'
  ])
    t.ok(kinds.has(kind as never), `${kind} happens within an hour`)
  for (const [i, { atMs, lastsMs }] of plan.entries())
    t.ok(atMs >= 8000 && atMs + lastsMs < (plan[i + 1]?.atMs ?? 59 * 60_000), 'one at a time')
})

t.test('a heap that grows is told from one that is warm', async (t) => {
  const samples = (megabytes: (i: number) => number) =>
    Array.from({ length: 40 }, (_, i) => ({
      atMs: i,
      instance: 'one',
      memory: { rss: 0, external: 0, heapUsed: megabytes(i) * 1e6 }
    }))
  t.match(
    growthOf(
      'one',
      samples((i) => 40 + Math.min(i, 8) + (i % 3))
    ),
    { isFlat: true }
  )
  t.match(
    growthOf(
      'one',
      samples((i) => 40 + i)
    ),
    { isFlat: false }
  )
  t.equal(growthOf('one', samples(() => 1).slice(0, 4)), null)
})

t.test('a mistyped option is refused', async (t) => {
  t.throws(() => readOptions(['--minuets', '1']))
  t.throws(() => readOptions(['--minutes', 'x']), TypeError)
  t.match(readOptions([]), { minutes: 60, seed: 1, out: null })
})
