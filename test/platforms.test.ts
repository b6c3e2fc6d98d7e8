import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { XMLParser } from 'fast-xml-parser'
import * as apps from 'kubernetes-models/apps/v1'
import * as networking from 'kubernetes-models/networking.k8s.io/v1'
import * as core from 'kubernetes-models/v1'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { generateKey } from '../src/app/commands.ts'
import { loadConfig } from '../src/config/config.ts'
import { SETTINGS } from '../src/config/settings.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const { version } = JSON.parse(read('package.json')) as { version: string }
const key = generateKey(Date.now())

interface Container {
  readonly name: string
  readonly image: string
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
  readonly securityContext: {
    readonly readOnlyRootFilesystem: boolean
    readonly allowPrivilegeEscalation: boolean
  }
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly path: string; readonly port: string } }
}

interface Pod {
  readonly initContainers: readonly Container[]
  readonly containers: readonly Container[]
  readonly enableServiceLinks: boolean
  readonly automountServiceAccountToken: boolean
  readonly terminationGracePeriodSeconds: number
}

interface Path {
  readonly backend: { readonly service: { readonly name: string } }
}

/** What is looked at of each kind; the schemas hold the rest. */
interface Kinds {
  readonly ConfigMap: { readonly data: Readonly<Record<string, string>> }
  readonly Deployment: { readonly spec: { readonly template: { readonly spec: Pod } } }
  readonly Service: { readonly spec: { readonly ports: readonly object[] } }
  readonly Ingress: {
    readonly spec: { readonly rules: readonly { readonly http: { readonly paths: readonly Path[] } }[] }
  }
}

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
}

const documents = parseAllDocuments(read('packaging/kubernetes/usher.yaml')).map(
  (document) => document.toJS() as Manifest
)
function of<K extends keyof Kinds>(kind: K, name = 'usher'): Kinds[K] {
  const found = documents.find((each) => each.kind === kind && each.metadata.name === name)
  if (found === undefined) throw new RangeError(`no ${kind} ${name}`)
  return found as Manifest & Kinds[K]
}
const pod = of('Deployment').spec.template.spec
const containers: readonly Container[] = [...pod.initContainers, ...pod.containers]

t.test('the Kubernetes manifests fit the schemas of the API', async (t) => {
  const modules = { v1: core, 'apps/v1': apps, 'networking.k8s.io/v1': networking }
  for (const { apiVersion, kind, ...rest } of documents) {
    const models = modules[apiVersion as keyof typeof modules] as unknown as Record<
      string,
      new (
        data: object
      ) => { validate(): void }
    >
    const Model = models[kind]
    if (Model === undefined) throw new RangeError(`${apiVersion} ${kind}`)
    t.doesNotThrow(() => new Model(rest).validate(), `${kind} ${rest.metadata.name}`)
  }
  // The schemas let unknown members pass, which the API server drops without a word. Types of literals do not.
  const lines = documents.map(
    (document, i) =>
      `import type { I${document.kind} as K${i} } from 'kubernetes-models/${document.apiVersion}'\nexport const d${i}: K${i} = ${JSON.stringify(document)}`
  )
  const check = async (text: string) => {
    const dir = t.testdir({ 'manifests.ts': text })
    const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--ignoreConfig']
    const file = join(dir, 'manifests.ts')
    // Without what tap has every Node process load.
    const tsc = ['-u', 'NODE_OPTIONS', join(ROOT, 'node_modules/.bin/tsc'), ...flags, file]
    const { stdout } = await run('env', tsc, { timeout: 120_000 }).catch((error: { stdout: string }) => error)
    return stdout
  }
  t.equal(await check(lines.join('\n')), '')
  t.match(
    await check(lines.join('\n').replace('enableServiceLinks', 'enableServiceLink')),
    /enableServiceLink/
  )
})

t.test('Kubernetes: settings, probes and ports are those of Usher', async (t) => {
  const { data } = of('ConfigMap')
  for (const name of Object.keys(data)) t.ok(name.replace(/_FILE$/, '') in SETTINGS, name)
  const { USHER_SESSION_KEYS_FILE: secret = '', USHER_STATE_DIR: state, ...rest } = data
  const config = loadConfig({ ...rest, USHER_SESSION_KEYS: key })
  t.equal(pod.enableServiceLinks, false)
  t.equal(pod.automountServiceAccountToken, false)
  t.ok(pod.terminationGracePeriodSeconds * 1000 > config.drainMs + 5000)
  const usher = containers.at(-1)
  if (usher === undefined) throw new RangeError('no container')
  for (const { image, securityContext } of containers) {
    t.match(image, new RegExp(`:${version.replaceAll('.', '\\.')}$`), 'of this version')
    t.match(securityContext, { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false })
  }
  const mounts = usher.volumeMounts.map(({ mountPath }) => mountPath)
  t.ok(mounts.includes(state ?? '') && mounts.some((path) => secret.startsWith(`${path}/`)))
  t.strictSame(
    usher.ports?.map(({ name, containerPort }) => [name, containerPort]),
    [
      ['public', config.listen.port],
      ['internal', config.internalListen.port]
    ]
  )
  t.strictSame(usher['readinessProbe']?.httpGet, { path: '/readyz', port: 'internal' })
  for (const probe of ['startupProbe', 'livenessProbe'] as const)
    t.strictSame(
      usher[probe]?.httpGet,
      { path: '/healthz', port: 'public' },
      'not one that a media server fails'
    )
  t.strictSame(of('Service').spec.ports, [{ name: 'public', port: 8080, targetPort: 'public' }])
  const paths = of('Ingress').spec.rules.flatMap(({ http }) => http.paths)
  t.strictSame(
    paths.map(({ backend }) => backend.service.name),
    ['usher'],
    'no way in to the internal listener'
  )
})

interface Entry {
  readonly Target: string
  readonly Type: 'Port' | 'Path' | 'Variable'
  readonly Default: string
  readonly Mask: 'true' | 'false'
  readonly [attribute: string]: string
}

t.test('the Unraid template has the members that Unraid knows, and the settings of Usher', async (t) => {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseAttributeValue: false
  })
  const { Container } = parser.parse(read('packaging/unraid/usher.xml'))
  const { Config: entries, ...members } = Container as { Config: readonly Entry[]; [member: string]: unknown }
  const known = [
    'version',
    'Name',
    'Repository',
    'Network',
    'Privileged',
    'Overview',
    'Category',
    'WebUI',
    'ExtraParams'
  ]
  t.strictSame(Object.keys(members).sort(), known.sort())
  t.equal(members['Privileged'], false)
  t.match(String(members['Repository']), new RegExp(`:${version.replaceAll('.', '\\.')}$`))
  t.match(String(members['ExtraParams']), /--read-only --cap-drop=ALL --security-opt=no-new-privileges/)
  const settings: Record<string, string> = {}
  for (const { Target, Type, Mask, Default, '#text': text = '', ...rest } of entries) {
    t.strictSame(Object.keys(rest).sort(), ['Description', 'Display', 'Mode', 'Name', 'Required'], Target)
    if (Type !== 'Variable') continue
    const setting = Object.hasOwn(SETTINGS, Target) ? SETTINGS[Target as keyof typeof SETTINGS] : null
    t.ok(setting, Target)
    const isSecret = setting !== null && 'secret' in setting && setting.secret === true
    t.equal(Mask === 'true', isSecret, `${Target}: a secret is masked`)
    if (Target !== 'USHER_STATE_DIR') settings[Target] = String(text)
    for (const choice of Default.split('|').filter((word) => word !== '' && !word.startsWith('/')))
      t.doesNotThrow(() => setting?.parse(choice), `${Target}=${choice}`)
  }
  const filled = {
    USHER_PUBLIC_URL: 'https://usher.example.com',
    USHER_PMS_URL: 'http://192.168.1.10:32400',
    USHER_SESSION_KEYS: key
  }
  t.doesNotThrow(() => loadConfig({ ...settings, ...filled }))
  const targets = (type: Entry['Type']) =>
    entries.filter(({ Type }) => Type === type).map(({ Target }) => Target)
  t.strictSame(targets('Port'), ['8080'], 'the public listener alone')
  t.strictSame(targets('Path'), ['/var/lib/usher'])
})
