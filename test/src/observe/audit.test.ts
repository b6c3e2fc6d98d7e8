import { mock } from 'node:test'
import t from 'tap'
import { createKeptAudit } from '../../../src/app/kept-audit.ts'
import { createAudit, type KeptEvent } from '../../../src/observe/audit.ts'
import type { Logger } from '../../../src/observe/logger.ts'
import type { Seal } from '../../../src/seal/seal.ts'
import { type Store, StoreAway } from '../../../src/store/store.ts'
import { until } from '../../support/until.ts'

function createLog() {
  const lines: Record<string, unknown>[] = []
  const write = (level: string) => (fields: object, msg: string) => void lines.push({ level, ...fields, msg })
  const log = { info: write('info'), warn: write('warn'), error: write('error') } as unknown as Logger
  return { log, lines }
}

t.test('lines of one event share its name; a field that is not of the line is left out', async (t) => {
  const { log, lines } = createLog()
  const kept: KeptEvent[] = []
  const audit = createAudit({ log, keep: (event) => kept.push(event), now: () => 0 })
  audit.note('app.told', { client: 'films', accountId: 1, attempts: 1, outcome: 'told' }, 'req-1')
  const more = { client: 'films', accountId: 1, outcome: 'given_up', reason: '503', secret: 'x' }
  audit.note('app.told/not', more)
  t.strictSame(lines, [
    {
      level: 'info',
      event: 'app.told',
      reqId: 'req-1',
      client: 'films',
      accountId: 1,
      attempts: 1,
      outcome: 'told',
      msg: 'app told to sign out'
    },
    {
      level: 'warn',
      event: 'app.told',
      client: 'films',
      accountId: 1,
      outcome: 'given_up',
      reason: '503',
      msg: 'app could not be told'
    }
  ])
  t.match(kept, [
    { at: '1970-01-01T00:00:00.000Z', event: 'app.told' },
    { event: 'app.told', outcome: 'given_up' }
  ])
})

t.test('a flood of one line hides neither another line nor what nobody can cause at will', async (t) => {
  const { log, lines } = createLog()
  const kept: KeptEvent[] = []
  let time = 0
  const audit = createAudit({ log, keep: (event) => kept.push(event), now: () => time })
  for (let count = 0; count < 500; count += 1) audit.note('csrf.refused', { address: '192.0.2.1' })
  audit.note('sign_in.refused', { address: '192.0.2.2', code: 'USHER_CREDENTIALS_REJECTED' })
  for (let count = 0; count < 50; count += 1) audit.note('session.ended', { accountId: count })
  t.equal(lines.length, 551, 'the log has them all')
  t.equal(kept.filter(({ event }) => event === 'csrf.refused').length, 20)
  t.equal(kept.filter(({ event }) => event === 'sign_in.refused').length, 1)
  t.equal(kept.filter(({ event }) => event === 'session.ended').length, 50)
  time = 60_000
  audit.note('csrf.refused', { address: '192.0.2.1' })
  t.equal(kept.at(-1)?.event, 'csrf.refused')
})

t.test('a day of a flood leaves room for what came before it', async (t) => {
  const { log } = createLog()
  const kept: KeptEvent[] = []
  let time = 0
  const audit = createAudit({ log, keep: (event) => kept.push(event), now: () => time })
  for (; time < 86_400_000; time += 10_000) audit.note('cookie.refused', { kid: 'unknown', result: 'forged' })
  t.equal(kept.length, 20 + 24 * 60 - 1)
})

t.test('no account or service fills the list, nor hides what another one does', async (t) => {
  const { log } = createLog()
  const kept: KeptEvent[] = []
  const audit = createAudit({ log, keep: (event) => kept.push(event), now: () => 0 })
  for (let count = 0; count < 500; count += 1) {
    audit.note('app.entered', { client: 'films', accountId: 1 })
    audit.note('token.delegated', { service: 'busy', accountId: count, outcome: 'issued' })
    audit.note('upstream.degraded/redis', { service: 'redis', reason: 'timeout' })
  }
  t.equal(kept.length, 60)
  audit.note('app.entered', { client: 'films', accountId: 2 })
  audit.note('token.delegated', { service: 'calm', accountId: 1, outcome: 'issued' })
  t.match(kept.slice(60), [{ accountId: 2 }, { service: 'calm' }])
})

/** An audit whose store is away until `lead` says otherwise. */
function startAway() {
  const { log } = createLog()
  let isAway = true
  const written: string[] = []
  const store = {
    async append(_list: string, value: string) {
      if (isAway) throw new StoreAway('ECONNREFUSED')
      written.push(value)
    }
  } as unknown as Store
  const seal = { seal: (_purpose: string, value: unknown) => String(value) } as unknown as Seal
  const audit = createKeptAudit({ log, store: () => store, seal, now: () => 0 })
  return {
    audit,
    written,
    lead: (away: boolean) => {
      isAway = away
    }
  }
}

t.test('what happens while the store is away is kept when it is back, in order', async (t) => {
  const { audit, written, lead } = startAway()
  for (let count = 0; count < 10_100; count += 1) audit.note('session.ended', { accountId: count })
  await new Promise(setImmediate)
  t.strictSame(written, [])
  lead(false)
  audit.note('session.ended', { accountId: 10_100 })
  await until(() => written.length >= 10_000)
  await new Promise(setImmediate)
  const accounts = written.map((text) => Number(/"accountId":(\d+)/.exec(text)?.[1]))
  t.equal(accounts.length, 10_000, 'bounded: the oldest are gone')
  t.equal(accounts[0], 101)
  t.equal(accounts.at(-1), 10_100)
})

t.test('what waits for the store is kept when it is back, also if nothing else happens', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const { audit, written, lead } = startAway()
  audit.note('upstream.degraded/redis', { service: 'redis', reason: 'ECONNREFUSED' })
  await new Promise(setImmediate)
  for (const back of [false, true]) {
    lead(!back)
    mock.timers.tick(5000)
    await new Promise(setImmediate)
    t.equal(written.length, back ? 1 : 0)
  }
})
