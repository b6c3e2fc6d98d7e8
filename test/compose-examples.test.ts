import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { DCLinter } from 'dclint'
import t from 'tap'
import { parse } from 'yaml'
import { generateKey } from '../src/app/commands.ts'
import { loadConfig } from '../src/config/config.ts'
import { SETTINGS } from '../src/config/settings.ts'

interface Service {
  readonly image: string
  readonly build?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly env_file?: readonly string[]
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly networks: readonly string[] | Readonly<Record<string, { readonly aliases: readonly string[] }>>
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly cap_add?: readonly string[]
  readonly security_opt?: readonly string[]
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, { ipam?: { config: readonly { subnet: string }[] } } | null>>
  readonly volumes: Readonly<Record<string, object>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

const FOLDER = join(import.meta.dirname, '../examples/compose')
const FILES = globSync('*.yml', { cwd: FOLDER }).sort()
/** What the operator makes before the first start. */
const MADE = /^(?:\.env|secrets\/)/
const ROOT = resolve(FOLDER, '../..')

t.strictSame(FILES, ['alone.yml', 'caddy.yml', 'nginx.yml', 'traefik.yml'])

for (const file of FILES) {
  const text = readFileSync(join(FOLDER, file), 'utf8')
  const compose: Compose = parse(text)
  const services = Object.entries(compose.services)
  const { usher } = compose.services

  t.test(`${file} passes the linter`, async (t) => {
    // Order is ours: what belongs together stands together.
    const off = [
      'no-build-and-image',
      'service-keys-order',
      'services-alphabetical-order',
      'top-level-properties-order'
    ]
    const rules = Object.fromEntries(off.map((rule) => [rule, 0 as const]))
    const linter = new DCLinter({ rules, quiet: false, debug: false, exclude: [] })
    const results: readonly { messages: readonly { line: number; message: string }[] }[] = linter.lintFiles(
      // As compose itself reads it: the linter knows no default values.
      [join(t.testdir({ [file]: text.replaceAll(/\$\{PUBLISH:-(.*?)\}/g, '$1') }), file)],
      false
    )
    t.strictSame(
      results.flatMap(({ messages }) => messages.map(({ line, message }) => `${line}: ${message}`)),
      []
    )
    t.match(text, /^# Checked only/m, 'and says how far it is tested')
  })

  t.test(`${file}: every path is there, or is named as one to make`, async (t) => {
    const sources = services.flatMap(([, { volumes = [], env_file = [], build }]) => [
      ...volumes.map((volume) => volume.split(':')[0] ?? ''),
      ...env_file,
      ...(build === undefined ? [] : [build])
    ])
    for (const { file: secret } of Object.values(compose.secrets)) sources.push(secret)
    for (const source of sources) {
      if (!source.startsWith('.')) t.ok(source in compose.volumes, `volume ${source}`)
      else {
        const path = resolve(FOLDER, source)
        const inside = path.slice(ROOT.length + 1)
        t.ok(MADE.test(inside) ? text.includes(basename(path)) : existsSync(path), inside)
      }
    }
  })

  t.test(
    `rule 68: ${file}: read-only, without capabilities, published on loopback unless asked`,
    async (t) => {
      for (const [name, service] of services) {
        t.equal(service.read_only, true, name)
        t.strictSame(service.cap_drop, ['ALL'], name)
        t.strictSame(service.cap_add ?? [], name === 'caddy' ? ['NET_BIND_SERVICE'] : [], name)
        t.strictSame(service.security_opt, ['no-new-privileges:true'], name)
        t.match(service.image, /:[\w.-]*\d[\w.-]*$|^usher:local$/, `${name}: an image of a fixed version`)
        for (const port of service.ports ?? []) {
          t.match(port, /^\$\{PUBLISH:-127\.0\.0\.1\}:\d+:\d+$/)
          t.notMatch(port, /9090/, 'the internal listener is for the network of containers')
        }
      }
      const published = services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)
      t.equal(published.length, 1, 'one way in')
      t.equal(published[0] === 'usher', file === 'alone.yml')
    }
  )

  t.test(`${file}: Usher starts with these settings and .env.example`, async (t) => {
    const example = readFileSync(join(ROOT, '.env.example'), 'utf8')
    const base = Object.fromEntries(
      [...example.matchAll(/^(USHER_\w+)=(.*)$/gm)].map(([, name, value]) => [name, value])
    )
    const { environment = {} } = usher ?? {}
    for (const name of Object.keys(environment)) t.ok(name.replace(/_FILE$/, '') in SETTINGS, name)
    const { USHER_SESSION_KEYS_FILE: secret, USHER_STATE_DIR: state, ...rest } = environment
    t.equal(secret, '/run/secrets/session_keys')
    t.ok(usher?.volumes?.includes(`state:${state}`), 'state in a volume')
    const config = loadConfig({ ...base, ...rest, USHER_SESSION_KEYS: generateKey(Date.now()) })
    if (file === 'alone.yml') return
    const subnet = compose.networks['front']?.ipam?.config[0]?.subnet
    t.match(subnet, /\/24$/)
    t.equal(
      environment['USHER_TRUSTED_PROXIES'],
      subnet,
      'the network, for containers change their addresses'
    )
    t.equal(config.publicUrl.origin, 'https://usher.example.com')
    const { grafana } = compose.services
    t.equal(grafana?.environment?.['GF_AUTH_PROXY_WHITELIST'], subnet)
    t.strictSame(grafana?.networks, { front: { aliases: ['app'] } }, 'reached through the proxy alone')
  })
}
