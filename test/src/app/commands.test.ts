import t from 'tap'
import { generateKey, runCommand } from '../../../src/app/commands.ts'
import { loadConfig } from '../../../src/config/config.ts'
import { parseOidcKeys } from '../../../src/config/oidc-keys.ts'
import { hashSecret } from '../../../src/config/secret-hashes.ts'
import { PRESETS } from '../../../src/openid/presets/presets.ts'

const BASE = { USHER_PUBLIC_URL: 'https://a.example.com', USHER_PMS_URL: 'http://pms:32400' }
const now = () => Date.UTC(2026, 10, 24, 12)

function run(argv: readonly string[], env: Record<string, string> = {}) {
  return runCommand({ argv, env, now, print: () => undefined })
}

t.test('no argument means: start the service', async (t) => {
  t.equal(await run([]), null)
})

t.test('--generate-key prints a key that loads, named by its day, new each time', async (t) => {
  const printed = await run(['--generate-key'])
  t.strictSame([printed?.exitCode, printed?.stderr], [0, ''])
  t.match(printed?.stdout, /^k20261124-[\w-]{4}:[\w-]{43}\n$/)
  const key = printed?.stdout.trim() ?? ''
  const config = loadConfig({ ...BASE, USHER_SESSION_KEYS: key })
  t.equal(config.sessionKeys[0]?.secret.length, 32)
  const keys = Array.from({ length: 500 }, () => generateKey(now()).split(':')[1])
  t.equal(new Set(keys).size, 500)
})

t.test('--check-config answers for the environment it is given', async (t) => {
  const env = { ...BASE, USHER_SESSION_KEYS: generateKey(now()) }
  t.strictSame(await run(['--check-config'], env), {
    exitCode: 0,
    stdout: 'configuration is valid\n',
    stderr: ''
  })
  t.strictSame(
    await run(['--check-config'], { ...env, USHER_PUBLIC_URL: 'http://a.example.com', USHER_PORT: 'x' }),
    {
      exitCode: 1,
      stdout: '',
      stderr: [
        'invalid configuration',
        'USHER_PORT must be a port from 0 to 65535',
        'USHER_PUBLIC_URL must be https: (http: needs a loopback host or USHER_ALLOW_HTTP=true)\n'
      ].join('\n  ')
    }
  )
})

t.test('--generate-service prints a secret, its hash and an entry that loads', async (t) => {
  const printed = await run(['--generate-service', 'poster-wall'])
  t.equal(printed?.exitCode, 0)
  const fields = Object.fromEntries(
    (printed?.stdout ?? '')
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+(.*)/, 2) as [string, string])
  )
  t.equal(fields['id'], 'poster-wall')
  t.equal(Buffer.from(fields['secret'] ?? '', 'base64url').length, 32)
  t.equal(fields['hash'], hashSecret(fields['secret'] ?? ''))
  t.match(fields['hash'], /^sha256:[0-9a-f]{64}$/)
  t.strictSame(JSON.parse(fields['entry'] ?? ''), {
    id: 'poster-wall',
    secretHashes: [fields['hash']],
    grants: ['transient:session']
  })
  const config = loadConfig({
    ...BASE,
    USHER_SESSION_KEYS: generateKey(now()),
    USHER_SERVICES: `[${fields['entry']}]`
  })
  t.equal(config.services[0]?.id, 'poster-wall')
  t.not((await run(['--generate-service', 'poster-wall']))?.stdout, printed?.stdout)
})

t.test('a name that cannot be an id is refused', async (t) => {
  for (const name of ['', 'a.b', 'a b', '--help', 'x'.repeat(65)]) {
    const printed = await run(['--generate-service', name])
    t.strictSame([printed?.exitCode, printed?.stdout], [2, ''], name)
    t.match(printed?.stderr, 'NAME must be')
  }
})

t.test('--version and --help answer; whatever else shows the usage and fails', async (t) => {
  t.match(await run(['--version']), { exitCode: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
  t.match(await run(['--help']), { exitCode: 0, stdout: /^usage: / })
  for (const argv of [['--serve'], ['start'], ['--check-config', 'x'], ['--generate-service'], ['']]) {
    t.match(await run(argv), { exitCode: 2, stdout: '', stderr: /^usage: / }, argv.join(' '))
  }
})

t.test('--generate-oidc-key prints a set that loads, and adds a fresh key to one that is set', async (t) => {
  const first = await run(['--generate-oidc-key'])
  t.equal(first?.exitCode, 0)
  const [one] = parseOidcKeys(first?.stdout ?? '')
  t.match(one?.kid, /^o20261124-[\w-]{4}$/)
  const second = await run(['--generate-oidc-key'], { USHER_OIDC_KEYS: first?.stdout.trim() ?? '' })
  t.equal(parseOidcKeys(second?.stdout ?? '').length, 2)
  t.strictSame(parseOidcKeys(second?.stdout ?? '')[0], one, 'the one that signs stays the first')
  const file = t.testdir({ keys: first?.stdout ?? '' })
  const third = await run(['--generate-oidc-key'], { USHER_OIDC_KEYS_FILE: `${file}/keys` })
  t.equal(parseOidcKeys(third?.stdout ?? '').length, 2)
  const wrong = await run(['--generate-oidc-key'], { USHER_OIDC_KEYS: 'no JSON, but a secret' })
  t.equal(wrong?.exitCode, 2)
  t.notMatch(wrong?.stderr, /secret/)
})

t.test('--generate-oidc-client prints an entry that loads for every preset, and what to type', async (t) => {
  const keys = (await run(['--generate-oidc-key']))?.stdout.trim() ?? ''
  const entries: unknown[] = []
  for (const id of Object.keys(PRESETS)) {
    const printed = await run(['--generate-oidc-client', id, 'https://app.example.com/sub/'], {
      USHER_PUBLIC_URL: BASE.USHER_PUBLIC_URL
    })
    t.equal(printed?.exitCode, 0, id)
    const [, entry = ''] = /^entry {3}(.*)$/m.exec(printed?.stdout ?? '') ?? []
    entries.push(JSON.parse(entry))
    const [, secret] = /^secret {2}(.*)$/m.exec(printed?.stdout ?? '') ?? []
    if (secret !== undefined) {
      t.match(secret, /^[\w-]{43}$/, 'URL-safe')
      t.match(entry, hashSecret(secret))
      t.notMatch(entry, secret)
    }
    t.match(printed?.stdout, BASE.USHER_PUBLIC_URL)
    t.notMatch(printed?.stdout, /\{(?:issuer|id|secret|url)\}/, `${id}: every value is filled in`)
  }
  t.match(
    entries.find((entry) => (entry as { id: string }).id === 'freshrss'),
    {
      redirectUris: ['https://app.example.com:443/sub/i/oidc/'],
      backchannelLogoutUri: 'https://app.example.com:443/sub/i/oidc/?logout=backchannel'
    },
    'the port is part of the text'
  )
  const env = {
    ...BASE,
    USHER_SESSION_KEYS: generateKey(now()),
    USHER_OIDC_KEYS: keys,
    USHER_OIDC_CLIENTS: JSON.stringify(entries)
  }
  t.strictSame(await run(['--check-config'], env), {
    exitCode: 0,
    stdout: 'configuration is valid\n',
    stderr: ''
  })
  t.match(await run(['--generate-oidc-client', 'nothing', 'https://x.example']), {
    exitCode: 2,
    stderr: /immich/
  })
  t.match(await run(['--generate-oidc-client', 'immich', 'photos']), { exitCode: 2, stderr: /^URL / })
})

t.test('--check-config says what the library has against a client', async (t) => {
  const keys = (await run(['--generate-oidc-key']))?.stdout.trim() ?? ''
  const clients = [{ id: 'a', redirectUris: ['https://localhost/callback', 'app.thing:/callback'] }]
  const result = await run(['--check-config'], {
    ...BASE,
    USHER_SESSION_KEYS: generateKey(now()),
    USHER_OIDC_KEYS: keys,
    USHER_OIDC_CLIENTS: JSON.stringify(clients)
  })
  t.equal(result?.exitCode, 1)
  t.match(result?.stderr, /USHER_OIDC_CLIENTS entry 1: /)
})
