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
    'get /pms/{*}',
    'get /plex/{*}',
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
  t.strictSame(document.paths['/pms/{*}'].get.security, [{ session: [] }, { scopedToken: [] }])
})

t.test("/docs is for an operator's browser, on the internal listener alone", async (t) => {
  const usher = await startTestUsher(t)
  const browser = { 'sec-fetch-site': 'none', 'sec-fetch-dest': 'document', 'sec-fetch-user': '?1' }
  for (const path of ['/docs', '/docs/json', '/docs/static/swagger-ui.css', '/openapi.json']) {
    const answer = await fetch(`${usher.internalUrl}${path}`, { headers: browser })
    t.equal(answer.status, 200, path)
    t.match(answer.headers.get('x-content-type-options'), 'nosniff')
    await answer.arrayBuffer()
    const publicly = await fetch(`${usher.publicUrl}${path}`, { headers: browser })
    t.equal(publicly.status, 404, `${path} on the public listener`)
  }
})
