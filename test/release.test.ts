import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly needs?: string
        readonly permissions?: Readonly<Record<string, string>>
        readonly steps: readonly Step[]
      }
    >
  >
}

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const manifest = JSON.parse(read('package.json')) as { version: string; scripts: Record<string, string> }
const dockerfile = read('Dockerfile')

t.test('each action of each workflow is pinned by its commit, with the version beside it', async (t) => {
  const files = globSync('.github/workflows/*.yml', { cwd: ROOT })
  t.ok(files.length >= 2)
  for (const file of files) {
    const uses = read(file)
      .split('\n')
      .filter((line) => /\buses:/.test(line))
    t.ok(uses.length > 0, file)
    for (const line of uses)
      t.match(line, /uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/, `${file}: ${line.trim()}`)
    const workflow: Workflow = parse(read(file))
    t.strictSame(
      workflow.permissions,
      { contents: 'read' },
      `${file}: nothing may be written unless a job says so`
    )
    for (const { steps } of Object.values(workflow.jobs))
      for (const step of steps.filter(({ uses: action }) => action?.startsWith('actions/checkout@')))
        t.equal(step.with?.['persist-credentials'], false, file)
    t.notMatch(
      read(file),
      /pull_request_target|\$\{\{ *github\.event\./,
      `${file}: nothing of a stranger runs`
    )
  }
})

t.test('a release is checked first, attested, and has its bill of materials', async (t) => {
  const { jobs }: Workflow = parse(read('.github/workflows/release.yml'))
  t.ok(jobs['check']?.steps.some(({ run: script }) => script === '.ci/run'))
  t.equal(jobs['check']?.permissions, undefined, 'the tests may write nothing')
  for (const name of ['packages', 'image']) {
    const job = jobs[name]
    t.equal(job?.needs, 'check', name)
    t.ok(
      job?.steps.some(({ uses }) => uses?.startsWith('actions/attest@')),
      `${name} is attested`
    )
    t.match(job?.permissions, { 'id-token': 'write', attestations: 'write' })
  }
  t.notOk('packages' in (jobs['packages']?.permissions ?? {}))
  t.equal(jobs['image']?.permissions?.['contents'], 'read')
  const scripts = Object.values(jobs).flatMap(({ steps }) => steps.map(({ run: script = '' }) => script))
  for (const [, name = ''] of scripts.join('\n').matchAll(/npm run (?:--silent )?(\w+)/g))
    t.ok(manifest.scripts[name], name)
  t.match(scripts.join('\n'), /gh release upload .*\.cdx\.json/)
})

t.test('the bill of materials has what runs, from the lock file, and the same bytes each time', async (t) => {
  const dir = t.testdir()
  const [program = '', ...args] =
    /cyclonedx-npm .*$/.exec(manifest.scripts['sbom'] ?? '')?.[0].split(' ') ?? []
  const make = async (name: string) => {
    const file = join(dir, name)
    // Without what tap has every Node process load.
    const command = [
      '-u',
      'NODE_OPTIONS',
      join(ROOT, 'node_modules/.bin', program),
      ...args.slice(0, -1),
      file
    ]
    await run('env', command, { cwd: ROOT })
    return readFileSync(file, 'utf8')
  }
  const [text, again] = await Promise.all([make('one.json'), make('two.json')])
  t.equal(text, again)
  const bom = JSON.parse(text) as {
    bomFormat: string
    specVersion: string
    metadata: { component: { name: string; version: string; type: string } }
    components: readonly { group?: string; name: string; version: string; purl: string }[]
  }
  t.match(bom, { bomFormat: 'CycloneDX', specVersion: /^1\.\d$/ })
  t.match(bom.metadata.component, { name: 'usher', version: manifest.version, type: 'application' })
  const lock = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { version: string; dev?: boolean; link?: boolean }>
  }
  const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
  const running = Object.entries(lock.packages)
    .filter(([path, { dev, link }]) => path.startsWith('node_modules/') && dev !== true && link !== true)
    .map(([path, { version }]) => `${nameOf(path)} ${version}`)
  const listed = bom.components.map(({ group, name, version }) =>
    group === undefined ? `${name} ${version}` : `${group}/${name} ${version}`
  )
  t.ok(running.length > 50)
  t.strictSame(
    running.filter((each) => !listed.includes(each)),
    [],
    'nothing that runs is missing'
  )
  t.notOk(
    listed.some((each) => each.startsWith('tap ')),
    'nothing that only builds'
  )
  for (const { name, purl } of bom.components) t.match(purl, /^pkg:npm\//, name)
})

t.test(
  'the image is built for both architectures, from a base that is an argument, and says what it is',
  async (t) => {
    const bake = JSON.parse(read('docker-bake.json')) as {
      variable: Record<string, { default: string }>
      target: Record<
        string,
        { platforms: readonly string[]; args: Record<string, string>; attest: readonly string[] }
      >
    }
    const image = bake.target['image']
    t.strictSame(image?.platforms, ['linux/amd64', 'linux/arm64'])
    for (const [name, value] of Object.entries(image?.args ?? {})) {
      t.match(dockerfile, new RegExp(`^ARG ${name}\\b`, 'm'), `${name} is an argument`)
      t.equal(value, `\${${name}}`)
      t.ok(bake.variable[name], name)
    }
    t.equal(bake.variable['BASE']?.default, /^ARG BASE=(\S+)$/m.exec(dockerfile)?.[1], 'one base')
    for (const label of ['title', 'description', 'licenses', 'version', 'revision', 'source', 'base.name'])
      t.match(dockerfile, new RegExp(`org\\.opencontainers\\.image\\.${label.replace('.', '\\.')}="`), label)
    t.ok(image?.attest.some((each) => each.startsWith('type=sbom')))
  }
)
