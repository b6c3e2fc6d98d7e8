import { readFileSync } from 'node:fs'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
import { startTestUsher } from './support/usher.ts'

const METHODS = ['get', 'put', 'post', 'delete', 'head']

t.test('GET /openapi.json is a valid document of every route of both listeners', async (t) => {
  const usher = await startTestUsher(t)
  const answer = await fetch(`${usher.internalUrl}/openapi.json`)
  t.equal(answer.status, 200)
  t.match(answer.headers.get('content-type'), /^application\/json/)
  const document = JSON.parse(await answer.text())
  const { valid, errors } = await new Validator().validate(document)
  t.ok(valid, JSON.stringify(errors)?.slice(0, 500))

  const operations = new Map<string, { summary?: string; tags?: string[]; responses: object }>()
  for (const [path, item] of Object.entries<Record<string, never>>(document.paths)) {
    for (const method of METHODS)
      if (method in item) operations.set(`${method} ${path}`, item[method] as never)
  }
  for (const [name, { summary, tags, responses }] of operations) {
    t.ok(summary, `${name} has a summary`)
    t.equal(tags?.length, 1, `${name} has a tag`)
    t.ok(Object.keys(responses).length > 0, `${name} tells its answers`)
  }
  for (const name of [
    'post /session/login',
    'get /session',
    'get /session/verify',
    'get /pms/{path}',
    'get /plex/{path}',
    'post /tokens/delegated',
    'post /tokens/introspect',
    'post /tokens/revoke',
    'get /sources',
    'get /readyz'
  ]) {
    t.ok(operations.has(name), name)
  }
  t.equal(document.paths['/healthz'].servers.length, 2, 'the one path that both listeners have')
  t.strictSame(document.paths['/sources'].get.security, [{ serviceBasic: [] }, { serviceBearer: [] }])
  t.strictSame(document.paths['/session'].get.security, [{ session: [] }])
  t.strictSame(document.paths['/pms/{path}'].get.security, [{ session: [] }, { scopedToken: [] }])
})

t.test("/docs is for an operator's browser, on the internal listener alone", async (t) => {
  const usher = await startTestUsher(t)
  const browser = { 'sec-fetch-site': 'none', 'sec-fetch-dest': 'document', 'sec-fetch-user': '?1' }
  for (const path of ['/docs', '/docs/json', '/docs/static/swagger-ui.css', '/openapi.json']) {
    const answer = await fetch(`${usher.internalUrl}${path}`, { headers: browser })
    t.equal(answer.status, 200, path)
    t.match(answer.headers.get('x-content-type-options'), 'nosniff')
    await answer.arrayBuffer()
    if (path === '/openapi.json') continue
    const publicly = await fetch(`${usher.publicUrl}${path}`, { headers: browser })
    t.equal(publicly.status, 404, `${path} on the public listener`)
  }
})

const REFERENCE = new URL('../docs/reference/', import.meta.url)

/** Rules of the linter that do not fit, each for its reason. */
const OFF = {
  // The documents in the repository name a deployment that nobody has.
  'no-server-example.com': 'off',
  // Redirects, forwarded paths and probes have the statuses that they have.
  'operation-2xx-response': 'off',
  'operation-4xx-response': 'off'
} as const

for (const listener of ['public', 'internal'] as const) {
  t.test(
    `the ${listener} document in the reference is what the routes say, and a linter finds nothing`,
    async (t) => {
      const text = readFileSync(new URL(`openapi.${listener}.json`, REFERENCE), 'utf8')
      const config = await createConfig({ extends: ['recommended'], rules: OFF })
      const found = await lintFromString({ source: text, config })
      t.strictSame(
        found.map(({ ruleId, message }) => `${ruleId}: ${message}`),
        []
      )
      const usher = await startTestUsher(t)
      const answer = await fetch(
        `${listener === 'public' ? usher.publicUrl : usher.internalUrl}/openapi.json`
      )
      const served = JSON.parse(await answer.text())
      const kept = JSON.parse(text)
      if (listener === 'public') t.equal(answer.headers.get('cache-control'), 'public, max-age=3600')
      const paths = Object.keys(kept.paths)
      for (const path of paths) t.ok(path in served.paths, path)
      if (listener === 'public')
        t.strictSame(Object.keys(served.paths), paths, 'npm run openapi writes it anew')
      for (const [name, schema] of Object.entries(kept.components.schemas))
        t.strictSame(served.components.schemas[name], schema, `${name}: npm run openapi writes it anew`)
      for (const path of paths) {
        const { servers, ...item } = served.paths[path]
        t.strictSame(item, kept.paths[path], `${path}: npm run openapi writes it anew`)
      }
    }
  )
}

t.test('USHER_OPENAPI=false takes the public document away', async (t) => {
  const usher = await startTestUsher(t, { settings: { USHER_OPENAPI: 'false' } })
  t.equal((await fetch(`${usher.publicUrl}/openapi.json`)).status, 404)
  t.equal((await fetch(`${usher.internalUrl}/openapi.json`)).status, 200)
})
