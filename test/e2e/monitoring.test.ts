import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { CHANGE_STAMP, SMALL_PART } from '../simulator/pms/catalogue.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { enter, SECRET, startOpenId } from '../support/openid.ts'
import { freePort } from '../support/ports.ts'
import { skipWithout } from '../support/programs.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { OWNER, PASSWORD, startTestUsher, type TestUsher } from '../support/usher.ts'
import { promtool, startPrometheus } from './support/prometheus.ts'

const PART = `/pms/library/parts/${SMALL_PART}/${CHANGE_STAMP}/file.mkv`
const FOLDER = join(import.meta.dirname, '../../examples/monitoring')
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8')
const skip = skipWithout('prometheus', 'promtool', 'redis-server')
const RULES = read('alerts.yml')
const { groups } = parse(RULES) as {
  groups: readonly { rules: readonly { alert: string; expr: string; for?: string; annotations: object }[] }[]
}
const alerts = groups.flatMap(({ rules }) => rules)

interface Panel {
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}
const dashboard = JSON.parse(read('dashboard.json')) as {
  readonly schemaVersion: number
  readonly uid: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}
const targets = dashboard.panels.flatMap(({ title, targets: own = [] }) =>
  own.map(({ expr, legendFormat }) => ({ title, expr, legendFormat }))
)

/** Metrics and labels as /metrics has them, those of one series of each histogram too. */
async function inventory(usher: TestUsher): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const page = readFileSync(join(FOLDER, '../../docs/reference/metrics.md'), 'utf8')
  const labels = new Map(
    [...page.matchAll(/^\| `(usher_\w+)` \| (\w+) \| (.*?) ?\|/gm)].map(([, name = '', , cell = '']) => [
      name,
      [...cell.matchAll(/`(\w+)`/g)].map(([, label = '']) => label)
    ])
  )
  const text = await (await fetch(`${usher.internalUrl}/metrics`)).text()
  const found = new Map<string, Set<string>>([['up', new Set()]])
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\w+) (\w+)$/gm)) {
    const own = new Set(labels.get(name) ?? [])
    if (type !== 'histogram') found.set(name, own)
    for (const part of type === 'histogram' ? ['bucket', 'sum', 'count'] : [])
      found.set(`${name}_${part}`, new Set(part === 'bucket' ? [...own, 'le'] : own))
  }
  // Whatever Prometheus adds.
  for (const own of found.values()) for (const label of ['job', 'instance']) own.add(label)
  return found
}

/** The metrics that a query names, each with the labels that are asked of it. */
function asked(expr: string): (readonly [string, readonly string[]])[] {
  return [...expr.matchAll(/\b((?:usher|nodejs|process)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, name = '', matchers = '']) => [
      name,
      [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label)
    ]
  )
}

t.test('the dashboard and the alerts ask for metrics and labels that /metrics has', async (t) => {
  // The process's own metrics are asked for as well.
  const usher = await startTestUsher(t, { processMetrics: true })
  const known = await inventory(usher)
  const queries = [...targets.map(({ expr }) => expr), ...alerts.map(({ expr }) => expr)]
  for (const expr of queries) {
    const metrics = asked(expr)
    t.ok(metrics.length > 0, expr)
    for (const [name, labels] of metrics) {
      t.ok(known.has(name), `${name} of ${expr}`)
      for (const label of labels) t.ok(known.get(name)?.has(label), `${label} of ${expr}`)
    }
    const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */))
    for (const label of grouped)
      t.ok(
        metrics.some(([name]) => known.get(name)?.has(label)),
        `by ${label}: ${expr}`
      )
  }
  for (const { expr, legendFormat } of targets)
    for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
      t.ok(
        asked(expr).some(([name]) => known.get(name)?.has(label)),
        `{{${label}}} of ${expr}`
      )
  const shown = new Set(
    targets.flatMap(({ expr }) => asked(expr).map(([name]) => name.replace(/_(?:bucket|sum|count)$/, '')))
  )
  const own = [...known.keys()]
    .filter((name) => name.startsWith('usher_'))
    .map((name) => name.replace(/_(?:bucket|sum|count)$/, ''))
  t.strictSame(
    [...new Set(own)].filter((name) => !shown.has(name)),
    [],
    'every metric is on it'
  )
  t.equal(dashboard.schemaVersion, 42)
  const definitions = dashboard.templating.list.flatMap(({ definition }) => definition ?? [])
  t.ok(definitions.every((text) => text.includes('usher_build_info')))
})

t.test('docs/operations.md says what to do at each alert', (t) => {
  const page = readFileSync(join(FOLDER, '../../docs/operations.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `(Usher\w+)` \| \S/gm)].map(([, name]) => name)
  t.strictSame(
    rows,
    alerts.map(({ alert }) => alert)
  )
  t.end()
})

t.test('promtool finds nothing to object to', { skip }, async () => {
  await promtool('check', 'rules', join(FOLDER, 'alerts.yml'))
  await promtool('test', 'rules', join(FOLDER, 'alerts.test.yml'))
  await promtool('check', 'config', '--syntax-only', join(FOLDER, 'prometheus.yml'))
})

/** The rules in a hurry: what takes minutes takes seconds. */
const HASTY = RULES.replaceAll(/\bfor: \d+m/g, 'for: 1s').replaceAll(/\[(?:5|10|15)m\]/g, '[20s]')

t.test('every alert fires, and none without its cause', { skip, timeout: 600_000 }, async (t) => {
  const redis = await startRedis(t)
  const simulators = await Promise.all(Array.from({ length: 4 }, () => startSimulator()))
  for (const simulator of simulators) t.teardown(() => simulator.close())
  const [plexAway, serverAway, slow, odd] = simulators
  if (!plexAway || !serverAway || !slow || !odd) throw new Error('four simulators')
  // Nobody listens there: an app that cannot be told.
  const deadEnd = `http://127.0.0.1:${await freePort()}/logout`
  const app = { id: 'wiki', secret: SECRET, backchannelLogoutUri: deadEnd }
  const ownerToken = slow.tokens.issue('owner', 'alert-owner')
  const first = await startTestUsher(t, { simulator: plexAway })
  const second = await startTestUsher(t, { simulator: serverAway, settings: { USHER_REDIS_URL: redis.url } })
  const third = await startTestUsher(t, {
    simulator: slow,
    settings: { USHER_PLEX_TOKEN: ownerToken, USHER_RECHECK: '2s' }
  })
  const fourth = await startOpenId(t, [app], { simulator: odd })
  const ushers = [first, second, third, fourth]
  const hosts = ushers.map(({ internalUrl }) => new URL(internalUrl).host)
  const nobody = `127.0.0.1:${await freePort()}`
  const prometheus = await startPrometheus(t, t.testdir(), { rules: HASTY, targets: [...hosts, nobody] })

  const browsers = await Promise.all(ushers.map((usher) => usher.signedIn()))
  const [, two, three, four] = browsers
  if (!two || !three || !four) throw new Error('four browsers')
  await enter(fourth, four, app)
  for (const browser of browsers) await browser.get('/pms/library/sections')
  await until(async () => (await prometheus.query('usher_dependency_up == 1')) >= 5, 'scraped')
  // A scrape that a busy machine held up may have had one fire for a moment.
  const alarms = async () => [...(await prometheus.firing())].filter((name) => name !== 'UsherDown')
  await until(async () => (await alarms()).length === 0, 'all is well')

  // From here on everything goes wrong at once.
  await plexAway.plexDown()
  await serverAway.pmsDown()
  await redis.kill()
  slow.tokens.revoke(ownerToken)
  slow.faults.set({ service: 'pms', kind: 'latency', ms: 7000 })
  await four.post('/session/logout')
  const original = fourth.core.people.sessions
  Object.assign(fourth.core.people, { sessions: () => Promise.reject(new TypeError('a defect')) })
  t.teardown(() => void Object.assign(fourth.core.people, { sessions: original }))
  const stranger = fourth.browser()
  const again = await fourth.signedIn()
  odd.faults.set({ service: 'plex', kind: 'rate-limited', path: '/api/v2/users/signin' })

  const trouble = setInterval(() => {
    const asks = [
      first.browser().post('/session/login', { login: OWNER, password: PASSWORD }),
      fourth.browser().post('/session/login', { login: OWNER, password: PASSWORD }),
      two.get('/pms/library/sections'),
      again.get('/session/sessions'),
      fourth.core.reload.run({ ...fourth.settings, USHER_APPS: '{' }),
      ...Array.from({ length: 50 }, () => again.get('/pms/security/token')),
      ...Array.from({ length: 120 }, () => stranger.get('/session')),
      // More at once than an account may have, at a server that takes its time.
      ...Array.from({ length: 68 }, () => three.get(PART, { range: 'bytes=0-9' }))
    ]
    void Promise.allSettled(asks)
  }, 1000)
  t.teardown(() => clearInterval(trouble))
  const names = alerts.map(({ alert }) => alert).sort()
  const seen = new Set<string>()
  try {
    await until(
      async () => {
        for (const name of await prometheus.firing()) seen.add(name)
        return seen.size === names.length
      },
      'all alerts',
      400_000
    )
  } catch {
    t.comment([...seen].join(' '))
  }
  clearInterval(trouble)
  t.strictSame([...seen].sort(), names)
  for (const { title, expr } of targets) {
    const query = expr
      .replaceAll('$__rate_interval', '20s')
      .replaceAll('$job', 'usher')
      .replaceAll('$instance', '.*')
    await t.resolves(prometheus.query(query), title)
  }
})
