import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { getuid } from 'node:process'
import { promisify } from 'node:util'
import t from 'tap'
import { generateKey } from '../../src/app/commands.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { freePort } from '../support/ports.ts'
import { requireProgram, skipWithout } from '../support/programs.ts'
import { until } from '../support/until.ts'
import { makeRootArchive, temporaryFolder } from './root-system.ts'

const run = promisify(execFile)

/** The process that runs this program, found in a PATH, with such a variable in its environment. */
function findProcess(program: readonly string[], variable: string): number {
  const found = readdirSync('/proc').find(
    (pid) =>
      /^\d+$/.test(pid) &&
      tryRead(`/proc/${pid}/cmdline`).endsWith(`/${program.join('\0')}\0`) &&
      tryRead(`/proc/${pid}/environ`).split('\0').includes(variable)
  )
  if (found === undefined) throw new Error('the service is not running')
  return Number(found)
}

/** The text of a file of /proc, empty where its process has ended since. */
function tryRead(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const ROOT = join(import.meta.dirname, '../..')
const BASE = 'docker.io/library/node:26-bookworm-slim'
const BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
const skip =
  skipWithout('buildah', 'mmdebstrap', 'chroot') ||
  (getuid?.() === 0 ? false : 'building an image here takes root')

// Neither a registry nor an engine is needed: a stand-in with the official image's name is made of Debian's packages
// and the runtime of the lock file. What this does not show: the official base itself, an engine's seccomp profile and
// read-only file system, compose's networks, and arm64.
t.test('the image is built by the Dockerfile as it is, and serves as its own user', { skip }, async (t) => {
  const work = temporaryFolder(t, 'image')
  // Without what tap has every Node process load.
  const buildah = (...args: string[]) =>
    run(
      'env',
      [
        '-u',
        'NODE_OPTIONS',
        requireProgram('buildah'),
        '--root',
        join(work, 'store'),
        '--runroot',
        join(work, 'run'),
        ...args
      ],
      { cwd: ROOT, timeout: 600_000, maxBuffer: 32 * 1024 * 1024 }
    )
  t.teardown(() => buildah('rm', '--all').catch(() => undefined))

  await t.test('a stand-in for the base image', async () => {
    const archive = await makeRootArchive(work)
    const { stdout } = await buildah('from', 'scratch')
    const container = stdout.trim()
    const root = (await buildah('mount', container)).stdout.trim()
    await run('tar', ['-C', root, '-xf', archive, '--exclude=./dev/*'])
    const local = join(root, 'usr/local')
    cpSync(join(ROOT, `node_modules/node-linux-${process.arch}/bin/node`), join(local, 'bin/node'))
    // …/npm/bin/npm-cli.js
    const npm = join(realpathSync(requireProgram('npm')), '../..')
    mkdirSync(join(local, 'lib/node_modules'), { recursive: true })
    cpSync(npm, join(local, 'lib/node_modules/npm'), { recursive: true })
    for (const name of ['npm', 'npx'])
      await run('ln', ['-s', `../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name)])
    await run(requireProgram('chroot'), [root, 'useradd', '-m', '-u', '1000', '-U', 'node'])
    await buildah('umount', container)
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    await buildah('config', '--env', `PATH=${path}`, '--env', `NODE_EXTRA_CA_CERTS=${BUNDLE}`, container)
    await buildah('commit', '--quiet', '--rm', container, BASE)
  })

  await t.test('the build', async (t) => {
    // The registry's certificate authority is the machine's: a mirror may have one of its own.
    const certificates = existsSync(BUNDLE) ? ['-v', `${dirname(BUNDLE)}:${dirname(BUNDLE)}:ro`] : []
    // As many open files as may be: buildah gives a step 1,024, which npm exceeds.
    const most = (await run('sh', ['-c', 'ulimit -Hn'])).stdout.trim()
    const files = most === 'unlimited' ? [] : ['--ulimit', `nofile=${most}:${most}`]
    const flags = [...files, '--isolation', 'chroot', '--pull=never', '--format', 'docker', ...certificates]
    await buildah('bud', ...flags, '-t', 'usher:test', '.')
    const { stdout } = await buildah('inspect', '--type', 'image', 'usher:test')
    const { Docker } = JSON.parse(stdout) as { Docker: { config: Record<string, unknown> } }
    t.equal(Docker.config['User'], 'node')
    t.strictSame(Docker.config['Cmd'], ['node', '--enable-source-maps', 'dist/src/server.js'])
    t.match(Docker.config['Healthcheck'], { Test: ['CMD', 'node', 'scripts/healthcheck.ts'] })
    t.match(Docker.config['Labels'], { 'org.opencontainers.image.title': 'Usher' })
  })

  await t.test('it signs in, forwards, is healthy, and stops on SIGTERM', async (t) => {
    const simulator = await startSimulator()
    t.teardown(() => simulator.close())
    const [port, internalPort] = [await freePort(), await freePort()]
    const url = `http://127.0.0.1:${port}`
    const env = {
      USHER_PUBLIC_URL: url,
      USHER_HOST: '127.0.0.1',
      USHER_PORT: String(port),
      USHER_INTERNAL_HOST: '127.0.0.1',
      USHER_INTERNAL_PORT: String(internalPort),
      USHER_SESSION_KEYS: generateKey(Date.now()),
      USHER_PMS_URL: simulator.pmsUrl,
      USHER_PLEX_URL: simulator.plexUrl,
      USHER_PLEX_CLIENTS_URL: simulator.plexUrl,
      USHER_PLEX_APP_URL: simulator.plexUrl
    }
    const container = (await buildah('from', '--pull-never', 'usher:test')).stdout.trim()
    const settings = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`])
    const inside = ['run', '--isolation', 'chroot', '--cap-drop', 'all', ...settings, container, '--']
    const who = (await buildah(...inside, 'sh', '-c', 'id -u; test -w dist || echo read-only')).stdout
    t.equal(who, '1000\nread-only\n')

    const stores = ['--root', join(work, 'store'), '--runroot', join(work, 'run')]
    const command = ['-u', 'NODE_OPTIONS', requireProgram('buildah'), ...stores, ...inside]
    const program = ['node', '--enable-source-maps', 'dist/src/server.js']
    const child = spawn('env', [...command, ...program], { stdio: ['ignore', 'pipe', 'inherit'] })
    let log = ''
    child.stdout.on('data', (data: Buffer) => {
      log += data.toString()
    })
    // Its log has been read to the end by then, which an exit alone does not say.
    const over = once(child, 'close')
    t.teardown(() => child.kill('SIGKILL'))
    await until(async () => (await fetch(`${url}/healthz`).catch(() => null))?.status === 204)
    const answer = await fetch(`${url}/session/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-usher': '1' },
      body: JSON.stringify({ login: 'sim@example.com', password: 'correct-horse' })
    })
    t.equal(answer.status, 201)
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith('usher=')) ?? ''
    const headers = { cookie: cookie.split(';')[0] ?? '', 'x-usher': '1' }
    t.equal((await fetch(`${url}/pms/library/sections`, { headers })).status, 200)
    await buildah(...inside, 'node', 'scripts/healthcheck.ts')
    // buildah stands where an engine would not: the service itself gets the signal, as process 1 does.
    process.kill(findProcess(program, `USHER_PORT=${port}`), 'SIGTERM')
    t.strictSame(await over, [0, null])
    t.match(log, '"msg":"stopped"')
  })
})
