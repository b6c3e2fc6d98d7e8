import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { getuid } from 'node:process'
import { promisify } from 'node:util'
import t from 'tap'
import packageJson from '../../package.json' with { type: 'json' }
import { startSimulator } from '../simulator/simulator.ts'
import { freePort } from '../support/ports.ts'
import { requireProgram, skipWithout } from '../support/programs.ts'
import { until } from '../support/until.ts'
import { makeRootArchive, temporaryFolder } from './root-system.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
// Without what tap has every Node process load.
const plain = (args: readonly string[]) =>
  run('env', ['-u', 'NODE_OPTIONS', process.execPath, ...args], { cwd: ROOT, timeout: 400_000 })
const SERVICE = 'packaging/systemd/usher.service'
const programs = skipWithout('dpkg-deb', 'mmdebstrap', 'lintian', 'systemd-analyze', 'chroot')
const skip = programs || (getuid?.() === 0 ? false : 'installing a package takes root')

t.test('the systemd unit is hardened', { skip: skipWithout('systemd-analyze') }, async (t) => {
  const analyze = requireProgram('systemd-analyze')
  const { stdout } = await run(analyze, ['security', '--offline=true', '--no-pager', SERVICE], { cwd: ROOT })
  const exposure = Number(/Overall exposure level for usher\.service: (\d+\.\d+)/.exec(stdout)?.[1])
  t.ok(exposure <= 2, `exposure ${exposure}`)
  const unit = readFileSync(join(ROOT, SERVICE), 'utf8')
  for (const line of ['ProtectSystem=strict', 'StateDirectory=usher', 'KillMode=mixed'])
    t.ok(unit.includes(`\n${line}\n`), line)
  t.match(unit, /^LoadCredential=session_keys:/m)
  t.match(unit, /^SystemCallFilter=/m)
})

t.test('the Debian package installs, starts, upgrades and goes in a fresh system', { skip }, async (t) => {
  const work = temporaryFolder(t, 'debian')
  const packages = join(work, 'packages')
  const dist = join(t.testdir(), 'dist')
  await plain(['scripts/build.ts', relative(ROOT, dist)])
  await plain(['node_modules/.bin/tsc', '-p', 'routes/public/signin/client', '--outDir', dist])
  const [archive] = await Promise.all([
    makeRootArchive(work),
    plain(['scripts/package.ts', '--dist', dist, '--out', packages])
  ])
  const { version } = packageJson
  const deb = join(packages, `usher_${version}_${process.arch === 'arm64' ? 'arm64' : 'amd64'}.deb`)

  await t.test('lintian finds no error', async (t) => {
    const args = ['--fail-on', 'error', '--suppress-tags', 'bad-distribution-in-changes-file', deb]
    const { stdout } = await run(requireProgram('lintian'), args)
    t.notMatch(stdout, /^E:/m)
  })

  const root = join(work, 'root')
  mkdirSync(root)
  await run('tar', ['-C', root, '-xf', archive, '--exclude=./dev/*'])
  const inside = (...command: string[]) =>
    run('env', ['-u', 'NODE_OPTIONS', requireProgram('chroot'), root, ...command], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive' }
    })
  const install = async (file: string) => {
    copyFileSync(file, join(root, 'usher.deb'))
    return inside('dpkg', '-i', '/usher.deb')
  }
  const keys = join(root, 'etc/usher/credentials/session_keys')
  const settings = join(root, 'etc/usher/usher.env')

  await t.test('a first installation makes a key of its own and says what is missing', async (t) => {
    const { stdout } = await install(deb)
    t.match(stdout, 'set USHER_PUBLIC_URL and USHER_PMS_URL in /etc/usher/usher.env')
    t.match(readFileSync(keys, 'utf8'), /^k\d{8}-[\w-]{4}:[\w-]{43}\n$/)
    t.equal(statSync(keys).mode & 0o777, 0o600)
    t.equal(statSync(join(keys, '..')).mode & 0o777, 0o700)
    t.equal((await inside('usher', '--version')).stdout, `${version}\n`)
    const refused = await inside('usher', '--check-config').catch((error: { stderr?: string }) => error)
    t.match(refused.stderr, 'USHER_PUBLIC_URL is required')
  })

  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const [port, internalPort] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const own = `# mine\nUSHER_PUBLIC_URL=${url}\nUSHER_HOST=127.0.0.1\nUSHER_PORT=${port}\nUSHER_INTERNAL_HOST=127.0.0.1\nUSHER_INTERNAL_PORT=${internalPort}\nUSHER_PMS_URL=${simulator.pmsUrl}\nUSHER_PLEX_URL=${simulator.plexUrl}\nUSHER_PLEX_CLIENTS_URL=${simulator.plexUrl}\nUSHER_PLEX_APP_URL=${simulator.plexUrl}\n`

  /** As the unit starts it: its settings, its secret as a file, and a user that owns nothing. */
  async function startsAndServes(): Promise<void> {
    copyFileSync(keys, join(root, 'session_keys'))
    await inside('chown', '65534:65534', '/session_keys')
    const lines = readFileSync(settings, 'utf8').split('\n')
    const env = Object.fromEntries(
      lines.filter((line) => /^USHER_/.test(line)).map((line) => line.split(/=(.*)/, 2))
    )
    const command = [requireProgram('chroot'), '--userspec=65534:65534', root, '/usr/bin/usher']
    const child = spawn('env', ['-u', 'NODE_OPTIONS', ...command], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...env, PATH: '/usr/bin', USHER_SESSION_KEYS_FILE: '/session_keys' }
    })
    const over = once(child, 'exit')
    try {
      await until(async () => (await fetch(`${url}/healthz`).catch(() => null))?.status === 204)
      const answer = await fetch(`${url}/session/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-usher': '1' },
        body: JSON.stringify({ login: 'sim@example.com', password: 'correct-horse' })
      })
      if (answer.status !== 201) throw new Error(`sign-in answered ${answer.status}`)
      const cookie = answer.headers.getSetCookie().find((line) => line.startsWith('usher='))
      const library = await fetch(`${url}/pms/library/sections`, {
        headers: { cookie: cookie?.split(';')[0] ?? '', 'x-usher': '1' }
      })
      if (library.status !== 200) throw new Error(`the media server answered ${library.status}`)
    } finally {
      child.kill('SIGTERM')
    }
    const [code] = (await over) as [number | null]
    if (code !== 0) throw new Error(`ended with ${code}`)
  }

  await t.test('with its settings it signs in, forwards, and stops cleanly', async () => {
    writeFileSync(settings, own)
    await startsAndServes()
  })

  await t.test('an upgrade keeps settings and keys, and serves', async (t) => {
    const before = readFileSync(keys, 'utf8')
    const unpacked = join(work, 'unpacked')
    await run('dpkg-deb', ['-R', deb, unpacked])
    const control = join(unpacked, 'DEBIAN/control')
    writeFileSync(
      control,
      readFileSync(control, 'utf8').replace(/^Version: .*$/m, `Version: ${version}+next`)
    )
    const next = join(work, 'next.deb')
    await run('dpkg-deb', ['--root-owner-group', '-Znone', '-b', unpacked, next])
    await install(next)
    t.match((await inside('dpkg', '-s', 'usher')).stdout, `Version: ${version}+next`)
    t.equal(readFileSync(settings, 'utf8'), own)
    t.equal(readFileSync(keys, 'utf8'), before)
    await startsAndServes()
  })

  await t.test('a removal keeps the settings, a purge leaves nothing behind', async (t) => {
    await inside('dpkg', '-r', 'usher')
    t.notOk(existsSync(join(root, 'usr/lib/usher')))
    t.ok(existsSync(settings) && existsSync(keys))
    await inside('dpkg', '-P', 'usher')
    t.notOk(existsSync(join(root, 'etc/usher')))
    t.notOk(existsSync(join(root, 'var/lib/usher')))
  })
})
