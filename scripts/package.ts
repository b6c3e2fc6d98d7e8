// npm run package -- [--dist DIR] [--out DIR]
// Makes usher-VERSION-linux-ARCH.tar.gz and usher_VERSION_ARCH.deb of dist/, the packages that it leaves outside and
// the runtime that the lock file pins. Run after npm run build; needs tar and dpkg-deb, and no root.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { arch, env, exit, stdout } from 'node:process'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import packageJson from '../package.json' with { type: 'json' }
import { externalFolders } from './external-packages.ts'

const ROOT = join(import.meta.dirname, '..')
const { values } = parseArgs({
  options: {
    dist: { type: 'string', default: join(ROOT, 'dist') },
    out: { type: 'string', default: join(ROOT, 'dist/packages') }
  }
})
const DIST = resolve(values.dist)
const OUT = resolve(values.out)
/** Of the last entry of the changelog, so that two builds of one version are the same to the byte. */
const EPOCH = Number(env['SOURCE_DATE_EPOCH'] ?? dateOfRelease() / 1000)
const { version } = packageJson
const architecture = arch === 'x64' ? 'amd64' : arch === 'arm64' ? 'arm64' : exit(2)

function dateOfRelease(): number {
  const [, date = '2026-01-01'] = /^## \S+ +[–—-] +(\d{4}-\d\d-\d\d)$/m.exec(read('CHANGELOG.md')) ?? []
  return Date.parse(date)
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
}

function copy(from: string, to: string, mode = 0o644): void {
  mkdirSync(dirname(to), { recursive: true })
  copyFileSync(join(ROOT, from), to)
  chmodSync(to, mode)
}

/** What runs: code, the packages beside it, the runtime. */
function stageProgram(into: string): void {
  mkdirSync(into, { recursive: true })
  const isOurs = (path: string) => !/^\/(?:cache|packages)(?:\/|$)/.test(path.slice(DIST.length))
  cpSync(DIST, join(into, 'dist'), { recursive: true, filter: isOurs })
  copy('package.json', join(into, 'package.json'))
  copy('scripts/healthcheck.ts', join(into, 'scripts/healthcheck.ts'))
  // The bundle holds all packages but these; of theirs, nothing that only their own developers use.
  const isUsed = (path: string) =>
    !/\/(?:\.[^/]+|tests?|benchmarks?|examples?|bin)(?:\/|$)|\.(?:d\.[cm]?ts|map|md)$|^\/(?:cli|bin)\.m?js$/.test(
      path
    )
  for (const folder of externalFolders(ROOT)) {
    const own = join(ROOT, folder).length
    const filter = (path: string) => isUsed(path.slice(own)) && !path.startsWith('/node_modules', own)
    cpSync(join(ROOT, folder), join(into, folder), { recursive: true, filter })
  }
  copy(`node_modules/node-linux-${arch}/bin/node`, join(into, 'bin/node'), 0o755)
}

function stageDocs(into: string): void {
  cpSync(join(ROOT, 'docs'), into, { recursive: true, filter: (path) => !/\.(?:svg|png|json)$/.test(path) })
  copy('README.md', join(into, 'README.md'))
  copy('LICENSE', join(into, 'copyright'))
  // Node's licence lists those of everything in it.
  copy(`node_modules/node-linux-${arch}/LICENSE`, join(into, 'LICENSE.node'))
  const date = new Date(EPOCH * 1000).toUTCString().replace('GMT', '+0000')
  const entry = `usher (${version}) stable; urgency=medium\n\n  * See changelog.gz.\n\n -- Usher <usher@users.noreply.github.com>  ${date}\n`
  writeFileSync(join(into, 'changelog.Debian.gz'), gzipSync(entry, { level: 9 }))
  writeFileSync(join(into, 'changelog.gz'), gzipSync(read('CHANGELOG.md'), { level: 9 }))
}

function buildTarball(work: string): string {
  const name = `usher-${version}-linux-${arch}`
  const stage = join(work, name)
  stageProgram(stage)
  for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md', '.env.example']) copy(file, join(stage, file))
  copy('packaging/systemd/usher.service', join(stage, 'usher.service'))
  const target = join(OUT, `${name}.tar.gz`)
  const same = ['--sort=name', `--mtime=@${EPOCH}`, '--owner=0', '--group=0', '--numeric-owner']
  run('tar', '-C', work, ...same, '-czf', target, name)
  return target
}

function buildDeb(work: string): string {
  const stage = join(work, 'deb')
  stageProgram(join(stage, 'usr/lib/usher'))
  copy('packaging/debian/usher.sh', join(stage, 'usr/bin/usher'), 0o755)
  // The same name on both sides of sbin, as the manual page has it.
  mkdirSync(join(stage, 'usr/sbin'), { recursive: true })
  symlinkSync('../bin/usher', join(stage, 'usr/sbin/usher'))
  copy('packaging/systemd/usher.service', join(stage, 'lib/systemd/system/usher.service'))
  copy('packaging/debian/usher.env', join(stage, 'etc/usher/usher.env'), 0o640)
  copy('packaging/debian/lintian-overrides', join(stage, 'usr/share/lintian/overrides/usher'))
  const manual = join(stage, 'usr/share/man/man8/usher.8.gz')
  mkdirSync(dirname(manual), { recursive: true })
  writeFileSync(manual, gzipSync(read('packaging/debian/usher.8'), { level: 9 }))
  stageDocs(join(stage, 'usr/share/doc/usher'))

  const control = join(stage, 'DEBIAN')
  mkdirSync(control)
  const size = execFileSync('du', ['-sk', stage], { encoding: 'utf8' }).split('\t')[0] ?? '0'
  const fields = {
    Package: 'usher',
    Version: version,
    Architecture: architecture,
    Maintainer: 'Usher <usher@users.noreply.github.com>',
    'Installed-Size': size,
    Depends: 'libc6 (>= 2.28), libatomic1, libstdc++6, libgcc-s1',
    // procps has the kill of the unit's ExecReload.
    Recommends: 'ca-certificates, procps',
    Section: 'net',
    Priority: 'optional',
    Description: 'session gateway for Plex'
  }
  const long = [
    'People sign in with Plex once and get one encrypted cookie. Every call to',
    'plex.tv or to the media server goes through Usher, which adds the tokens.'
  ]
  const lines = [
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
    ...long.map((line) => ` ${line}`)
  ]
  writeFileSync(join(control, 'control'), `${lines.join('\n')}\n`)
  writeFileSync(join(control, 'conffiles'), '/etc/usher/usher.env\n')
  for (const script of ['postinst', 'prerm', 'postrm'])
    copy(`packaging/debian/${script}`, join(control, script), 0o755)
  run('chmod', '-R', 'u+rwX,go+rX,go-w', join(stage, 'usr'), join(stage, 'lib'))
  const target = join(OUT, `usher_${version}_${architecture}.deb`)
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', stage, target], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...env, SOURCE_DATE_EPOCH: String(EPOCH) }
  })
  return target
}

const work = mkdtempSync(join(tmpdir(), 'usher-package-'))
try {
  mkdirSync(OUT, { recursive: true })
  for (const made of [buildTarball(work), buildDeb(work)]) stdout.write(`${made}\n`)
} finally {
  rmSync(work, { recursive: true, force: true })
}
