import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { connect } from 'node:net'
import { join, relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { externalFolders } from '../scripts/external-packages.ts'
import { freePort } from './support/ports.ts'
import { settingsFor } from './support/settings.ts'
import { until } from './support/until.ts'
import { spawnUsher } from './support/usher-process.ts'

const ROOT = join(import.meta.dirname, '..')
const PATH = `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}`
const run = promisify(execFile)

// Without what tap has every Node process load: what is built runs as it is shipped.
const PLAIN = ['-u', 'NODE_OPTIONS']
const plain = (args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) =>
  run('env', [...PLAIN, process.execPath, ...args], options)

// Below the root, so that packages are found as they are from dist/.
const dir = t.testdir()
cpSync(join(ROOT, 'package.json'), join(dir, 'package.json'))
const dist = join(dir, 'dist')
const client = ['-p', 'routes/public/signin/client', '--outDir', dist]
await plain(['scripts/build.ts', relative(ROOT, dist)], { cwd: ROOT })
await plain([join(ROOT, 'node_modules/.bin/tsc'), ...client], { cwd: ROOT })
const server = join(dist, 'src/server.js')
const program = ['env', ...PLAIN, process.execPath, '--enable-source-maps', server]

/** An Usher on free ports, whose Plex nobody asks. */
async function settings(): Promise<Record<string, string>> {
  const nobody = 'http://127.0.0.1:9'
  return {
    ...settingsFor({ plexUrl: nobody, pmsUrl: nobody }, await freePort()),
    USHER_PMS_MACHINE_ID: 'a'.repeat(40),
    USHER_DRAIN: '1s'
  }
}

async function statusOf(url: string): Promise<number> {
  const { status, body } = await fetch(url)
  await body?.cancel()
  return status
}

t.test('npm start starts what was built, and SIGTERM ends it with 0', async (t) => {
  const env = { ...(await settings()), PATH, HOME: dir, npm_config_update_notifier: 'false' }
  const usher = await spawnUsher(t, env, ['env', ...PLAIN, 'npm', 'start', '--silent'], dir)
  t.equal(await statusOf(`${usher.publicUrl}/healthz`), 204)
  t.equal(await statusOf(`${usher.internalUrl}/healthz`), 204)
  usher.signal('SIGTERM')
  t.equal(await usher.exited, 0)
  t.equal(usher.logs.at(-1)?.['msg'], 'stopped')
  await t.rejects(statusOf(`${usher.publicUrl}/healthz`), 'nothing is left that answers')
})

t.test('rule 97: a signal to the whole process group, npm included, lets it drain', async (t) => {
  const own = await settings()
  const env = { ...own, PATH, HOME: dir, npm_config_update_notifier: 'false', USHER_DRAIN: '60s' }
  const child = spawn('env', [...PLAIN, 'npm', 'start', '--silent'], {
    cwd: dir,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true
  })
  const group = -(child.pid ?? 0)
  let log = ''
  child.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString()
  })
  const exited = once(child, 'exit')
  t.teardown(() => {
    if (child.exitCode === null && child.signalCode === null) process.kill(group, 'SIGKILL')
  })
  await until(() => log.includes('internal listener ready'), 'both listeners are ready')
  const socket = connect(Number(new URL(own['USHER_PUBLIC_URL'] ?? '').port), '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  // Usher has read the beginning of the second when it answers the first.
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /signin HTTP/1.1\r\nHost: x\r\n')
  await once(socket, 'data')
  process.kill(group, 'SIGTERM')
  await until(() => log.includes('"stopping"'), 'the signal arrives')
  process.kill(group, 'SIGTERM')
  await delay(300)
  t.notOk(log.includes('"stopped"'), 'the open request holds it')
  socket.destroy()
  await until(() => log.includes('"stopped"'), 'it has stopped by itself')
  await exited
  t.notMatch(log, 'second signal')
})

t.test('what is loaded later is in the build: the page, the API documents, Redis', async (t) => {
  const redis = { USHER_REDIS_URL: `redis://127.0.0.1:${await freePort()}` }
  const usher = await spawnUsher(t, { ...(await settings()), ...redis }, program)
  const page = await (await fetch(`${usher.publicUrl}/signin`)).text()
  const assets = [...page.matchAll(/(?:src|href)="([^"]+\.(?:js|css|svg|woff2))"/g)].map(
    ([, path = '']) => path
  )
  t.ok(assets.length > 10, `${assets.length} files of the page`)
  for (const path of assets) t.equal(await statusOf(`${usher.publicUrl}${path}`), 200, path)
  for (const path of ['/openapi.json', '/docs', '/docs/static/swagger-ui.css']) {
    t.equal(await statusOf(`${usher.internalUrl}${path}`), 200, path)
  }
  await until(
    () =>
      usher.logs.some(({ level, msg }) => level === 'warn' && String(msg).startsWith('shared store away')),
    'Redis was tried'
  )
})

t.test('it exits cleanly when nobody reads its log any more', async (t) => {
  const env = await settings()
  const child = spawn('env', program.slice(1), { stdio: ['ignore', 'pipe', 'inherit'], env })
  t.teardown(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  child.stdout.destroy()
  await once(child.stdout, 'close')
  for (let times = 0; times < 50; times += 1) {
    t.equal(await statusOf(`${env['USHER_PUBLIC_URL']}/healthz`), 204)
  }
  child.kill('SIGTERM')
  t.strictSame(await exited, [0, null])
})

t.test('compiled code is cached in dist/cache, and it starts without a writable cache too', async (t) => {
  const cache = join(dist, 'cache')
  rmSync(cache, { recursive: true, force: true })
  const { stdout } = await plain([server, '--version'])
  t.match(stdout, /^\d+\.\d+\.\d+\n$/)
  t.ok(readdirSync(cache).length === 1, 'for this Node')
  rmSync(cache, { recursive: true })
  writeFileSync(cache, 'a file is no place for others')
  t.teardown(() => rmSync(cache))
  t.strictSame(await plain([server, '--version']), { stdout, stderr: '' })
  const usher = await spawnUsher(t, await settings(), program)
  t.equal(await statusOf(`${usher.publicUrl}/healthz`), 204)
})

t.test('commands answer as the sources do', async (t) => {
  const { stdout: key } = await plain([server, '--generate-key'], { env: {} })
  const env = { ...(await settings()), USHER_SESSION_KEYS: key.trim() }
  const checked = await plain([server, '--check-config'], { env })
  t.strictSame(checked, { stdout: 'configuration is valid\n', stderr: '' })
  await t.rejects(plain([server, '--check-config'], { env: {} }), {
    code: 1,
    stderr: /USHER_PUBLIC_URL/
  })
})

t.test('an incomplete build does not start, and the trace names the source', async (t) => {
  const other = join(dir, 'incomplete')
  mkdirSync(other)
  cpSync(dist, join(other, 'dist'), { recursive: true })
  rmSync(join(other, 'dist/routes/public/signin/style/page.css'))
  const failed = plain(['--enable-source-maps', join(other, 'dist/src/server.js')], {
    env: await settings()
  })
  await t.rejects(failed, { code: 1, stderr: /^start failed: .*routes\/public\/signin\/assets\.ts:\d+/ })
  t.notOk(existsSync(join(other, 'dist/src/packages.js.map')), 'no map of packages, read at every start')
})

t.test('every package that the bundle asks for is copied beside it', async (t) => {
  const folder = join(dist, 'src')
  const asked = new Set(
    readdirSync(folder)
      // The file of packages has none of them, but long texts that look like it.
      .filter((name) => name.endsWith('.js') && name !== 'packages.js')
      .flatMap((name) => [
        ...readFileSync(join(folder, name), 'utf8').matchAll(
          /(?:\bcreateRequire(?:\$\d+)?\(import\.meta\.url\)\(|\bimport\(|^(?:import|export) .*from )"(@?[a-z][\w/.-]*)"/gm
        )
      ])
      .map(([, specifier = '']) => specifier)
      .filter((specifier) => !isBuiltin(specifier))
  )
  for (const name of ['ioredis', 'oidc-provider', 'tldts']) t.ok(asked.has(name), name)
  const packaged = externalFolders(ROOT)
  for (const name of asked) t.ok(packaged.includes(`node_modules/${name}`), name)
})
