import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import type { FastifyInstance, RouteOptions } from 'fastify'
import t from 'tap'
import { PROBLEMS } from '../src/domain/problems.ts'
import { startOpenId } from './support/openid.ts'
import { startTestUsher } from './support/usher.ts'

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

const ROOT = new URL('../', import.meta.url).pathname
const FILES = globSync(['src/**/*.ts', 'plugins/**/*.ts', 'routes/**/*.ts'], { cwd: ROOT }).sort()
const sources = new Map(FILES.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]))
/** Without comments, so that a rule may be named where it is kept. */
const code = new Map([...sources].map(([file, text]) => [file, withoutComments(text)]))

function withoutComments(text: string): string {
  return text.replace(/^\s*(?:\/\/|\/\*\*|\*).*$/gm, '').replace(/\s\/\/ .*$/gm, '')
}

function importsOf(file: string): Import[] {
  const found: Import[] = []
  const statement = /^(?:import|export)\s+(type\s+)?(?:([^'";]*?)\s+from\s+)?'([^']+)'/gm
  for (const [, type, names = '', specifier = ''] of sources.get(file)?.matchAll(statement) ?? []) {
    const braces = /^\{([^}]*)\}$/s.exec(names.trim())
    const named = (braces?.[1] ?? '').split(',').filter((name) => name.trim() !== '')
    const typeOnly =
      type !== undefined || (named.length > 0 && named.every((name) => name.trim().startsWith('type ')))
    const to = specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier
    found.push({ from: file, to, typeOnly })
  }
  for (const [, specifier = ''] of code.get(file)?.matchAll(/\bimport\('([^']+)'\)/g) ?? []) {
    found.push({ from: file, to: specifier, typeOnly: false })
  }
  return found
}

const imports = FILES.flatMap(importsOf)

/** The layer of a file: its folder where it has one, else its own name. */
function layerOf(file: string): string {
  if (/^routes\/public\/signin\/(?:client|languages)\//.test(file)) return 'page script'
  const [top = '', second = ''] = file.split('/')
  if (top !== 'src') return top
  return second.replace(/\.ts$/, '')
}

/** What each layer may import of which others: values, and types beyond them. The one place of the layer rules. */
const LAYERS: Readonly<
  Record<string, { readonly values: readonly string[]; readonly types?: readonly string[] }>
> = {
  domain: { values: ['domain'] },
  config: { values: ['config', 'domain'] },
  scrub: { values: ['scrub', 'domain'] },
  compress: { values: ['compress', 'domain'] },
  seal: { values: ['seal', 'domain'] },
  fetch: { values: ['fetch', 'domain'] },
  plex: { values: ['plex', 'domain'], types: ['config'] },
  observe: { values: ['observe', 'domain'], types: ['config', 'plex', 'store'] },
  session: { values: ['session', 'seal', 'plex', 'domain'], types: ['config'] },
  store: { values: ['store', 'session', 'domain'], types: ['config', 'observe'] },
  forward: {
    values: ['forward', 'session', 'fetch', 'scrub', 'compress', 'plex', 'domain'],
    types: ['app', 'config']
  },
  // One path syntax for scopes and for forwarding: a scope is read by the reader of targets.
  tokens: {
    values: ['tokens', 'forward', 'session', 'seal', 'plex', 'domain'],
    types: ['config', 'observe']
  },
  apps: { values: ['apps', 'domain'], types: ['config', 'plex', 'session'] },
  openid: {
    values: ['openid', 'store', 'session', 'domain'],
    types: ['apps', 'config', 'observe', 'seal']
  },
  people: { values: ['people', 'store', 'session', 'plex', 'domain'], types: ['config', 'observe', 'seal'] },
  plugins: {
    values: ['plugins', 'forward', 'compress', 'session', 'tokens', 'observe', 'domain'],
    types: ['app', 'config', 'openid', 'seal', 'store']
  },
  routes: {
    values: ['routes', 'apps', 'session', 'tokens', 'domain', 'page script'],
    types: ['plex', 'config', 'app', 'observe', 'openid', 'people', 'plugins']
  },
  'page script': { values: ['page script'] },
  app: {
    values: [
      'app',
      'routes',
      'plugins',
      'forward',
      'openid',
      'people',
      'apps',
      'tokens',
      'store',
      'session',
      'seal',
      'plex',
      'observe',
      'config',
      'domain'
    ]
  },
  server: { values: ['app', 'config', 'observe'] }
}

t.test('imports go one way between layers', async (t) => {
  t.ok(FILES.length > 100, `${FILES.length} files`)
  for (const file of FILES) {
    const layer = layerOf(file)
    const allowed = LAYERS[layer]
    if (allowed === undefined) {
      t.fail(`${file}: no layer is called ${layer}`)
      continue
    }
    const own = imports.filter(({ from, to }) => from === file && /^(?:src|plugins|routes)\//.test(to))
    const wrong = own.filter(({ to, typeOnly }) => {
      const target = layerOf(to)
      return !allowed.values.includes(target) && !(typeOnly && allowed.types?.includes(target))
    })
    t.strictSame(
      wrong.map(({ to }) => to),
      [],
      file
    )
  }
})

/** Files that import a package, as a value. */
function importersOf(name: RegExp, kind: 'values' | 'any' = 'values'): string[] {
  const hits = imports.filter(({ to, typeOnly }) => name.test(to) && (kind === 'any' || !typeOnly))
  return [...new Set(hits.map(({ from }) => from))]
}

/** Files whose code, comments aside, has this. */
function filesWith(pattern: RegExp): string[] {
  return [...code].filter(([, text]) => pattern.test(text)).map(([file]) => file)
}

function outside(files: readonly string[], doors: readonly (string | RegExp)[]): string[] {
  return files.filter(
    (file) => !doors.some((door) => (typeof door === 'string' ? door === file : door.test(file)))
  )
}

t.test('each capability is used in one place only', async (t) => {
  const doors: readonly [name: string, files: readonly string[], doors: readonly (string | RegExp)[]][] = [
    ['undici', importersOf(/^undici$/), [/^src\/plex\//, /^src\/fetch\//, 'src/openid/back-channel.ts']],
    [
      'undici, types too',
      importersOf(/^undici$/, 'any'),
      [/^src\/plex\//, /^src\/fetch\//, /^src\/forward\//, /^src\/openid\//, 'src/app/media-servers.ts']
    ],
    ['Fastify', importersOf(/^fastify$/), ['src/app/listener.ts']],
    [
      'Fastify, types too',
      importersOf(/^(?:fastify|@fastify\/.*|fastify-plugin)$/, 'any'),
      [/^plugins\//, /^routes\//, /^src\/app\//, /^src\/forward\//]
    ],
    [
      'sockets and HTTP of Node’s own, outgoing or served',
      importersOf(/^node:(?:http|https|http2|net|tls|dgram|dns)$/),
      // Of config and people only isIP; the upgrades' answers are Node's own ServerResponse.
      [/^src\/plex\//, /^src\/config\//, /^src\/fetch\//, 'src/forward/upgrades.ts', 'src/people/network.ts']
    ],
    ['fetch', filesWith(/(?<![\w.'-])fetch\(/), [/^routes\/public\/signin\/client\//]],
    ['Redis', importersOf(/^ioredis$/, 'any'), [/^src\/store\//]],
    ['the environment', filesWith(/process\.env\b/), ['src/server.ts']],
    ['signals, exit, argv', filesWith(/process\.(?:on|once|exit|exitCode|argv|kill)\b/), ['src/server.ts']],
    ['close-with-grace', importersOf(/^close-with-grace$/), ['src/server.ts']],
    [
      'files',
      importersOf(/^node:fs/),
      ['src/config/files.ts', 'src/store/sqlite-file.ts', 'routes/public/signin/assets.ts']
    ],
    ['SQLite', importersOf(/^node:sqlite$/, 'any'), ['src/store/sqlite.ts', 'src/store/sqlite-file.ts']],
    [
      'Set-Cookie',
      filesWith(/\b(?:setCookie|clearCookie|serializeCookie)\(|'set-cookie',/i),
      [
        'plugins/session.ts',
        'plugins/sign-in-cookies.ts',
        'plugins/forward.ts',
        'src/forward/gate.ts',
        // On answers that no hook sees; what they set comes from plugins/session.ts.
        'plugins/provider-answers.ts',
        'src/openid/sign-out-flow.ts'
      ]
    ],
    [
      'reply.raw',
      filesWith(/(?:reply|sink|this)\.raw\b(?!\.statusCode,)/),
      [/^src\/forward\//, 'plugins/session.ts', 'plugins/access-log.ts', 'plugins/provider-answers.ts']
    ],
    ['hijacking an answer', filesWith(/\.hijack\(/), [/^src\/forward\//, 'plugins/provider-answers.ts']],
    ['the OpenID library', importersOf(/^oidc-provider$/), ['src/openid/library.ts']],
    ['cookies', importersOf(/^@fastify\/cookie$/, 'any'), ['src/app/app.ts']],
    [
      'the clock',
      filesWith(/\bDate\.now\b|new Date\(\)/),
      ['src/app/core.ts', 'src/server.ts', /^src\/observe\//, /^routes\/public\/signin\/client\//]
    ],
    // Kept quiet while a library is read, which would write to it.
    ['the console', filesWith(/\bconsole\./), ['src/openid/library.ts']],
    ['eval', filesWith(/(?<![.\w])eval\(|new Function\(/), []],
    ['a global dispatcher', filesWith(/setGlobalDispatcher|getGlobalDispatcher/), []],
    ['unverified TLS', filesWith(/rejectUnauthorized: *false|NODE_TLS_REJECT_UNAUTHORIZED/), []],
    ['an insecure parser', filesWith(/insecureHTTPParser/), []]
  ]
  for (const [name, files, allowed] of doors) t.strictSame(outside(files, allowed), [], name)
})

t.test('route files import no plugin values, read no cookie header and write no raw response', async (t) => {
  const routes = FILES.filter((file) => file.startsWith('routes/') && layerOf(file) === 'routes')
  for (const file of routes) {
    const own = imports.filter(({ from }) => from === file)
    t.notOk(
      own.some(({ to, typeOnly }) => to.startsWith('plugins/') && !typeOnly),
      file
    )
    t.notMatch(
      code.get(file),
      /\.raw\.(?:write|end|setHeader|writeHead)|headers\.cookie|headers\['cookie'\]/,
      file
    )
  }
})

// Names, barrels, enums and `any` are Biome's business; what it has no rule for is here.
t.test('no file is longer than 300 lines, and no module holds mutable state', async (t) => {
  for (const [file, text] of sources) t.ok(text.split('\n').length <= 301, `${file} has more than 300 lines`)
  t.strictSame(filesWith(/^(?:export )?let /m), [])
})

t.test('rule 12: no input is compared with a secret by ===', async (t) => {
  const compare =
    /^.*(?:[tT]oken|[sS]ecret|[hH]ash|[pP]assword|sessionKey)\b *[!=]==(?! *(?:null|undefined|true|false|'|typeof)).*$/gm
  const found = [...code].flatMap(([file, text]) =>
    [...text.matchAll(compare)].map(([line]) => `${file}: ${line.trim()}`)
  )
  // Both sides are Usher's own in each of these: two fields of one session, a setting against a setting.
  const own = [
    /^src\/session\/cookie\/sealed-session\.ts/,
    /^src\/session\/cookie\/sessions\.ts/,
    /^plugins\/session\.ts/,
    /^src\/tokens\/(?:session-reference|transient)\.ts/,
    /^src\/config\//
  ]
  t.strictSame(
    found.filter((line) => !own.some((file) => file.test(line))),
    []
  )
  t.match(code.get('src/tokens/services.ts'), /timingSafeEqual/)
})

interface Route {
  readonly app: number
  readonly method: string
  readonly url: string
  readonly options: RouteOptions
}

/** Every route of both listeners, told by Fastify itself as it is made. */
async function listRoutes(): Promise<{ routes: Route[]; close: () => void }> {
  const routes: Route[] = []
  let apps = 0
  const onApp = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    const app = apps++
    fastify.addHook('onRoute', (options) => {
      for (const method of [options.method].flat()) routes.push({ app, method, url: options.url, options })
    })
  }
  subscribe('fastify.initialization', onApp)
  return { routes, close: () => unsubscribe('fastify.initialization', onApp) }
}

/** Open to everybody, each for its reason: the list is the review. */
const OPEN: readonly RegExp[] = [
  // The way in, and out.
  /^\/session\/(?:login|logout|pin|callback)$/,
  // Answers of its own for every outcome, in words that a proxy knows.
  /^\/session\/verify(?:\/|$)/,
  // The gate asks for session, origin and scoped token itself, before anything is sent on.
  /^\/pms(?:\/\*)?$/,
  /^\/(?:signin(?:\/.*)?)?$/,
  // Apps' servers prove themselves by their secrets; browsers are asked for a session, or led to the sign-in.
  /^\/(?:oidc|\.well-known)\//,
  // It describes what anybody may try.
  /^\/openapi\.json$/,
  /^\/healthz$/
]
const OPERATIONS = /^\/(?:healthz|readyz|metrics|openapi\.json|docs(?:\/.*)?)$/

t.test(
  'every route open to everyone is on the reviewed list, and every route declares its responses',
  async (t) => {
    const { routes, close } = await listRoutes()
    const usher = await startOpenId(t, [{ id: 'app' }], {
      settings: { USHER_ALLOWED_ORIGINS: 'https://app.example', USHER_ALLOW_HTTP: 'true' }
    })
    close()
    const own = routes.filter(({ url, method }) => !(url === '*' && method === 'OPTIONS'))
    t.ok(own.filter(({ app }) => app === 0).length > 20, 'the public listener')
    t.ok(own.filter(({ app }) => app === 1).length > 5, 'the internal listener')
    for (const { app, method, url, options } of own) {
      const name = `${app === 0 ? 'public' : 'internal'} ${method} ${url}`
      const { config, schema } = options
      const isOpen = typeof config?.guard === 'object'
      if (isOpen && app === 0)
        t.ok(
          OPEN.some((open) => open.test(url)),
          `${name} is open to all`
        )
      if (isOpen && app === 1) t.match(url, OPERATIONS, `${name} is open to all`)
      if (typeof config?.sameOrigin === 'object' && app === 0) {
        const safe = ['GET', 'HEAD', 'OPTIONS'].includes(method)
        t.ok(
          safe || /^\/(?:pms|session\/verify|oidc\/(?:token|userinfo|revoke))(?:\/|$)/.test(url),
          `${name} changes something and asks for no origin`
        )
      }
      const { hide, response, summary, tags, body } = (schema ?? {}) as Record<string, unknown>
      if (hide === true) continue
      t.type(summary, 'string', `${name}: summary`)
      t.ok(Array.isArray(tags) && tags.length > 0, `${name}: tags`)
      t.ok(response !== undefined && Object.keys(response as object).length > 0, `${name}: response schemas`)
      if (config?.guard === 'session') t.ok('401' in (response as object), `${name}: 401`)
      if (body !== undefined && app === 0)
        t.ok('400' in (response as object) && '415' in (response as object), name)
    }
    const browser = usher.browser()
    for (const { app, method, url, options } of own) {
      if (app !== 0 || options.config?.guard !== 'session' || !['GET', 'POST', 'PUT'].includes(method))
        continue
      const path = url.replace('*', 'api/v2/user')
      const answer = await browser.ask(path, { method, ...(method !== 'GET' && { body: '{}' }) })
      t.equal(answer.status, 401, `${method} ${url} without a session`)
      t.equal(answer.json.code, 'USHER_SESSION_REQUIRED')
    }
  }
)

t.test('rule 61: docs/errors.md lists every problem code with its status, and no others', async (t) => {
  const page = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8')
  const rows = [...page.matchAll(/^\| `(USHER_\w+)` \| (\d{3}) \| (.+) \| (.+) \|$/gm)]
  const documented = Object.fromEntries(rows.map(([, name, status]) => [name, Number(status)]))
  const expected = Object.fromEntries(Object.entries(PROBLEMS).map(([name, { status }]) => [name, status]))
  t.strictSame(documented, expected)
  for (const [, name, , meaning = '', remedy = ''] of rows)
    t.ok(meaning.length > 10 && remedy.length > 5, name ?? '')
  for (const { title, detail } of Object.values(PROBLEMS))
    t.notMatch(`${title} ${detail}`, /https?:|\{|undefined/)
  const thrown = [...code.values()].flatMap((text) =>
    [...text.matchAll(/new Problem\(\s*'(\w+)'/g)].map(([, name]) => name ?? '')
  )
  t.ok(thrown.length > 40)
  for (const name of new Set(thrown)) t.ok(name in PROBLEMS, name)
})

t.test(
  'rule 67: metrics and labels are the documented ones, and no label but the method comes from a request',
  async (t) => {
    const usher = await startTestUsher(t)
    const labels = Object.fromEntries(
      usher.core.metrics.registry.getMetricsAsArray().map((metric) => [
        metric.name,
        // prom-client does not tell its types about this.
        ((metric as unknown as { labelNames?: string[] }).labelNames ?? []).join()
      ])
    )
    const page = readFileSync(join(ROOT, 'docs/reference/metrics.md'), 'utf8')
    const documented = [...page.matchAll(/^\| `(usher_\w+)` \| \w+ \| (.*?) ?\|/gm)].map(
      ([, name, cell = '']) => [name, cell.replaceAll(/[` ]/g, '')]
    )
    t.strictSame(labels, Object.fromEntries(documented))
    const written = [...code].flatMap(([file, text]) =>
      [...text.matchAll(/\.(?:inc|observe)\(\{([^}]*)\}/g)].map(
        ([, fields = '']) => `${file}: ${fields.trim()}`
      )
    )
    t.ok(written.length >= 9)
    for (const line of written)
      t.notMatch(line, /request\.(?:url|headers|body|query|params|ip|host)|raw\./, line)
  }
)

t.test('two Ushers in one process share nothing', async (t) => {
  const one = await startTestUsher(t)
  const two = await startTestUsher(t, { simulator: one.simulator })
  await one.signedIn()
  const count = async (usher: typeof one) =>
    (await usher.core.metrics.registry.metrics()).includes(
      'usher_signins_total{method="password",result="ok"} 1'
    )
  t.equal(await count(one), true)
  t.equal(await count(two), false)
  t.not(one.core.live, two.core.live)
})
