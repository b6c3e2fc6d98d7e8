import t from 'tap'
import { generateKey, runCommand } from '../../../src/app/commands.ts'
import { loadConfig } from '../../../src/config/config.ts'
import { hashSecret } from '../../../src/config/secret-hashes.ts'

const BASE = { USHER_PUBLIC_URL: 'https://a.example.com', USHER_PMS_URL: 'http://pms:32400' }
const now = () => Date.UTC(2026, 10, 24, 12)

function run(argv: readonly string[], env: Record<string, string> = {}) {
  return runCommand({ argv, env, now })
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
