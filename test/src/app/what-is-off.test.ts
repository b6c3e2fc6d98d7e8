import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startSimulator } from '../../simulator/simulator.ts'
import { KEYS, toClients } from '../../support/openid.ts'
import { settingsFor } from '../../support/settings.ts'

const ROOT = join(import.meta.dirname, '../../..')
/** Says which of the modules that cost something are looked for. */
const WATCH = `
import { registerHooks } from 'node:module'
registerHooks({ resolve(specifier, context, next) {
  if (['oidc-provider', 'node:sqlite', 'ioredis'].includes(specifier)) process.stdout.write('loads ' + specifier + '\\n')
  return next(specifier, context)
} })`

/** The modules that a start loads, of those watched. */
async function loadedBy(t: Test, settings: Record<string, string>): Promise<readonly string[]> {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const hook = `data:text/javascript,${encodeURIComponent(WATCH)}`
  const child = spawn(process.execPath, ['--import', hook, join(ROOT, 'src/server.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...settingsFor(simulator, 0),
      USHER_PUBLIC_URL: 'http://127.0.0.1:8080',
      ...settings
    }
  })
  t.teardown(() => child.kill('SIGKILL'))
  let printed = ''
  const ready = Promise.withResolvers<void>()
  const exited = once(child, 'exit').then(() => ready.resolve())
  child.stdout.on('data', (text) => {
    printed += String(text)
    if (printed.includes('internal listener ready')) ready.resolve()
  })
  await ready.promise
  child.kill('SIGKILL')
  await exited
  if (!printed.includes('internal listener ready')) throw new Error(printed)
  return [...printed.matchAll(/^loads (\S+)$/gm)].map(([, name = '']) => name)
}

t.test('what is switched off is not even read', async (t) => {
  t.strictSame(await loadedBy(t, {}), [], 'no provider, no SQLite, no Redis client')
  const on = {
    USHER_OIDC_CLIENTS: toClients([{ id: 'app' }]),
    USHER_OIDC_KEYS: KEYS,
    USHER_STATE_DIR: t.testdir()
  }
  const loaded = await loadedBy(t, on)
  t.ok(loaded.includes('oidc-provider') && loaded.includes('node:sqlite'), loaded.join())
})
