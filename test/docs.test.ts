import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { FastifyInstance, RouteOptions } from 'fastify'
import t, { type Test } from 'tap'
import { renderGuide } from '../scripts/app-guides.ts'
import { AUDIT_LINES, type AuditLine, eventOf } from '../src/observe/audit.ts'
import { GUIDES, PRESETS } from '../src/openid/presets/presets.ts'
import { startOpenId } from './support/openid.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const IGNORED = ['**/node_modules/**', 'dist/**', 'docs/**/node_modules/**']
const pages = globSync('**/*.md', { cwd: ROOT, exclude: IGNORED }).sort()
const code = globSync(
  ['{src,plugins,routes,test,bench,scripts,examples}/**/*.{ts,js,css,conf,yml,yaml}', '*.yml', 'Dockerfile'],
  { cwd: ROOT, exclude: IGNORED }
).sort()

/** Anchors of a page as GitHub makes them: of each heading its text in lower case, without punctuation. */
function anchorsOf(page: string): ReadonlySet<string> {
  const seen = new Map<string, number>()
  const anchors = new Set<string>()
  for (const [, title = ''] of withoutCode(read(page)).matchAll(/^#{1,6} (.+)$/gm)) {
    const text = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const slug = text.replace(/[^\p{L}\p{N}\- _]/gu, '').replaceAll(' ', '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    anchors.add(times === 0 ? slug : `${slug}-${times}`)
  }
  return anchors
}

function withoutCode(markdown: string): string {
  return markdown
    .replace(/^(```|~~~).*?^\1/gms, '')
    .replace(/`[^`\n]*`/g, (span) => span.replace(/[[\]()]/g, ''))
}

/** What is wrong with a link from a page, or null. */
function brokenLink(page: string, link: string): string | null {
  const [path = '', anchor] = link.split('#')
  const target = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), decodeURI(path)))
  if (!existsSync(join(ROOT, target))) return `${page}: no ${link}`
  if (anchor === undefined || statSync(join(ROOT, target)).isDirectory() || !target.endsWith('.md'))
    return null
  return anchorsOf(target).has(anchor) ? null : `${page}: no heading for ${link}`
}

t.test('every internal link of every page leads somewhere', async (t) => {
  t.ok(pages.length > 10)
  const broken = pages.flatMap((page) => {
    const text = withoutCode(read(page))
    const links = [...text.matchAll(/!?\[[^\]]*\]\(([^)\s]+)(?: "[^"]*")?\)/g)].map(([, link = '']) => link)
    return links.filter((link) => !/^[a-z]+:/.test(link)).map((link) => brokenLink(page, link))
  })
  t.strictSame(
    broken.filter((problem) => problem !== null),
    []
  )
})

t.test('every page can be reached from the README', async (t) => {
  const reached = new Set(['README.md'])
  for (const page of reached) {
    for (const [, link = ''] of withoutCode(read(page)).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
      const target = /^[a-z]+:/.test(link) ? '' : relative(ROOT, join(ROOT, dirname(page), link))
      if (target.endsWith('.md') && existsSync(join(ROOT, target))) reached.add(target)
    }
  }
  t.strictSame(
    pages.filter((page) => page.startsWith('docs/') && !reached.has(page)),
    []
  )
})

t.test('comments cite pages and headings that exist', async (t) => {
  const cited = /\b(?:docs\/)?(reference\/[\w-]+\.md)(?:#([\w-]+))?|\b(docs\/[\w/-]+\.md)(?:#([\w-]+))?/g
  const wrong: string[] = []
  let count = 0
  for (const file of code) {
    for (const [text, inReference, inAnchor, page, anchor] of read(file).matchAll(cited)) {
      count += 1
      const target = page ?? `docs/${inReference}`
      const heading = anchor ?? inAnchor
      if (!existsSync(join(ROOT, target)) || (heading !== undefined && !anchorsOf(target).has(heading)))
        wrong.push(`${file}: ${text}`)
    }
  }
  t.ok(count > 40, `${count} citations`)
  t.strictSame(wrong, [])
})

interface Route {
  readonly listener: 'public' | 'internal'
  readonly methods: readonly string[]
  readonly url: string
}

/** Every route of both listeners, as Fastify reports it when it is made. */
async function listRoutes(t: Test): Promise<readonly Route[]> {
  const routes: Route[] = []
  let apps = 0
  const onApp = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    const listener = apps++ === 0 ? 'public' : 'internal'
    fastify.addHook('onRoute', ({ method, url }: RouteOptions) => {
      routes.push({ listener, methods: [method].flat(), url })
    })
  }
  subscribe('fastify.initialization', onApp)
  t.teardown(() => unsubscribe('fastify.initialization', onApp))
  await startOpenId(t, [{ id: 'app', secret: 'a-secret-of-an-app-0123456789' }])
  return routes
}

/** `GET /a` and, for routes that take several methods, the path alone. */
function nameOf({ methods, url }: Route): readonly string[] {
  const path = url.replace('/:demands', '')
  const named = methods.filter((method) => !['HEAD', 'OPTIONS'].includes(method))
  return named.length > 2 ? [path] : named.map((method) => `${method} ${path}`)
}

t.test('docs/reference/http.md lists every route of each listener, and no others', async (t) => {
  const routes = await listRoutes(t)
  const page = read('docs/reference/http.md')
  for (const listener of ['public', 'internal'] as const) {
    const titles =
      listener === 'public' ? ['## Public listener', '## OpenID Connect'] : ['## Internal listener']
    const sections = titles.map((title) => page.slice(page.indexOf(title)).split('\n## ')[0] ?? '')
    const documented = [...sections.join('\n').matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
      cell.split(', ').map((name) => name.replaceAll('`', ''))
    )
    const real = routes.filter((route) => route.listener === listener).flatMap(nameOf)
    t.strictSame([...documented].sort(), [...new Set(real)].sort(), listener)
  }
})

t.test('docs/reference/log.md lists every message that the code logs, and no others', async (t) => {
  const call = /\blog\.(trace|debug|info|warn|error|fatal)\((?:[^()]|\([^()]*\))*?'([^'\n]+)'\s*\)/g
  const logged = new Map<string, string>()
  for (const file of code.filter((path) => /^(?:src|plugins|routes)\//.test(path))) {
    for (const [, level = '', message = ''] of read(file).matchAll(call)) logged.set(message, level)
  }
  t.ok(logged.size > 15, `${logged.size} messages`)
  for (const { level, message } of Object.values(AUDIT_LINES)) logged.set(message, level)
  // The line that a dependency's error gets is named in logger.ts, where no level is written.
  logged.set('unexpected error', 'error')
  const rows = [
    ...read('docs/reference/log.md').matchAll(/^\| (`[^|]+`) \| (debug|info|warn|error|fatal) \|/gm)
  ]
  const documented = rows.flatMap(([, cell = '', level = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, message = '']) => [message, level] as const)
  )
  t.strictSame(new Map([...documented].sort()), new Map([...logged].sort()))
})

t.test('docs/reference/log.md lists every audit event with its fields', async (t) => {
  const rows = [
    ...read('docs/reference/log.md').matchAll(/^\| `([^`]+)` \| (\w+) \| `(\w+\.\w+)` \| ([^|]+) \|/gm)
  ].map(([, message, level, event, fields = '']) => {
    return { event, level, message, fields: [...fields.matchAll(/`(\w+)`/g)].map(([, name]) => name) }
  })
  const lines = Object.entries(AUDIT_LINES).map(([line, about]) => {
    return { event: eventOf(line as AuditLine), ...about }
  })
  t.strictSame(rows, lines)
})

/** Written by a run, and not kept. */
const GENERATED = /^(?:bench\/results|test\/e2e\/screenshots|client\/dist)\//

t.test('files that a page names exist', async (t) => {
  const named =
    /`((?:src|plugins|routes|test|bench|scripts|examples|docs|client|packaging)\/[\w./-]*)(?:#[\w-]+)?`/g
  const missing = pages
    // The matrix of security.md has a test of its own; the changelog names files of its time.
    .filter((page) => !['CHANGELOG.md', 'docs/security.md'].includes(page))
    .flatMap((page) => [...read(page).matchAll(named)].map(([, path = '']) => ({ page, path })))
    .filter(({ path }) => !existsSync(join(ROOT, path)) && !GENERATED.test(path))
  t.strictSame(missing, [])
})

t.test('a walk through the architecture names no file twice', async (t) => {
  const [, walks = ''] = /^## Four requests$(.*?)^## /ms.exec(read('docs/ARCHITECTURE.md')) ?? []
  const [, ...each] = walks.split(/^### /m)
  t.equal(each.length, 4)
  for (const walk of each) {
    const [title = ''] = walk.split('\n', 1)
    const files = [...walk.matchAll(/`((?:src|plugins|routes)\/[\w/.-]+\.ts)`/g)].map(([, file]) => file)
    t.ok(files.length > 5, title)
    t.strictSame(
      files.filter((file, at) => files.indexOf(file) !== at),
      [],
      title
    )
  }
})

t.test('the pages of docs/apps are those that the presets make', async (t) => {
  for (const id of GUIDES) {
    const preset = PRESETS[id]
    t.ok(preset, id)
    if (preset !== undefined)
      t.equal(read(`docs/apps/${id}.md`), renderGuide(id, preset), `node scripts/app-guides.ts (${id})`)
  }
  const written = globSync('docs/apps/*.md', { cwd: ROOT }).length
  t.equal(written, GUIDES.length + 1, 'and no others but the README')
})
