import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { loadAssets } from '../../../routes/public/signin/assets.ts'
import { findDestination, placeOf } from '../../../routes/public/signin/destination.ts'
import { html } from '../../../routes/public/signin/html.ts'
import { createLanguages } from '../../../routes/public/signin/language.ts'
import { REFUSALS } from '../../../routes/public/signin/model.ts'
import { type SigninPageOptions, signinPage } from '../../../routes/public/signin/page.ts'
import { parsePublicUrl } from '../../../src/config/urls.ts'
import { PROBLEMS } from '../../../src/domain/problems.ts'
import { cannedSession } from '../../e2e/support/canned-people.ts'
import { startTestUsher } from '../../support/usher.ts'

interface Changes extends Partial<SigninPageOptions> {
  readonly basePath?: string
  readonly logo?: { readonly type: string; readonly body: Buffer }
  readonly name?: string
  readonly apps?: SigninPageOptions['config']['apps']
}

async function buildPage(t: Test, { basePath = '', logo, apps, name = 'Usher', ...changes }: Changes = {}) {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(signinPage, {
    prefix: basePath,
    config: {
      publicUrl: parsePublicUrl(`https://x.test${basePath}`),
      plexAppUrl: 'https://app.plex.tv',
      pms: { url: 'http://pms.test', machineId: null, ca: null },
      brand: { name, logo: logo ?? null },
      apps: apps ?? []
    },
    findReturnTo: (value) => (value === '/film?id=1&b="2"' ? value : null),
    findSession: () => null,
    findApps: async () => ({ open: [], entered: [] }),
    findRefusedName: (sealed) => (sealed === 'sealed' ? '<Ida>' : null),
    plexUnreachableSince: () => null,
    ...changes
  })
  return fastify
}

const english = createLanguages().find('en')
/** Every code that the page has words for. */
const CODES = Object.keys(english.texts).flatMap((key) => /^problem\.(USHER_\w+)\.what$/.exec(key)?.[1] ?? [])
const ALERT = /id="problem" role="alert">(.*?)<\/div>/s

t.test('the page', async (t) => {
  t.test('rule 60: strict policy, no inline script or style, never stored', async (t) => {
    const fastify = await buildPage(t)
    const { headers, body, statusCode } = await fastify.inject('/signin')
    t.equal(statusCode, 200)
    t.equal(headers['cache-control'], 'no-store')
    t.equal(headers['referrer-policy'], 'no-referrer')
    t.equal(headers['x-content-type-options'], 'nosniff')
    const policy = String(headers['content-security-policy']).split('; ')
    for (const directive of [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "form-action 'self' https://app.plex.tv",
      "frame-ancestors 'none'",
      "base-uri 'none'"
    ]) {
      t.ok(policy.includes(directive), directive)
    }
    t.notMatch(body, /<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:/)
  })

  t.test('every address on the page is below the base path', async (t) => {
    const fastify = await buildPage(t, { basePath: '/usher' })
    const { body } = await fastify.inject('/usher/signin')
    const addresses = [...body.matchAll(/ (?:href|src|action|data-base)="([^"#][^"]*)"/g)].map(
      ([, address]) => address
    )
    t.ok(addresses.length > 20)
    const local = addresses.filter(
      (address) => !/^https:\/\/(?:plex\.tv\/link|app\.plex\.tv\/)/.test(address ?? '')
    )
    t.strictSame(
      local.filter((address) => !address?.startsWith('/usher')),
      []
    )
    for (const address of local.filter((each) => each?.includes('/assets/'))) {
      t.equal((await fastify.inject(address ?? '')).statusCode, 200, String(address))
    }
  })

  t.test('a returnTo that is allowed rides along, escaped; any other is left out', async (t) => {
    const fastify = await buildPage(t)
    const allowed = await fastify.inject({ url: '/signin', query: { returnTo: '/film?id=1&b="2"' } })
    t.match(allowed.body, 'name="returnTo" id="plex-return-to" value="/film?id=1&amp;b=&quot;2&quot;"')
    const foreign = await fastify.inject({ url: '/signin', query: { returnTo: 'https://evil.test/"><b>' } })
    t.notMatch(foreign.body, 'evil.test')
    t.match(foreign.body, 'id="plex-return-to" value="/signin"')
  })

  t.test('the page says where it leads on to, as people know the place', async (t) => {
    const own = { href: 'https://plex.test/usher', basePath: '/usher' }
    for (const [destination, place] of [
      [null, null],
      ['https://grafana.example.com/d/1?x=2', { kind: 'site', host: 'grafana.example.com' }],
      ['https://grafana.example.com:8443/', { kind: 'site', host: 'grafana.example.com:8443' }],
      ['/films?genre=1', { kind: 'site', host: 'plex.test/films' }],
      ['/', { kind: 'site', host: 'plex.test' }],
      ['/usher/oidc/interaction/abc', { kind: 'app' }],
      ['/usher/signin/devices', { kind: 'here' }]
    ] as const)
      t.strictSame(placeOf(destination, own), place, String(destination))
    const findReturnTo = (value: unknown) => (typeof value === 'string' ? value : null)
    const signedIn = await buildPage(t, { findReturnTo, findSession: () => cannedSession() })
    const signedOut = await buildPage(t, { findReturnTo })
    for (const [returnTo, link, lead] of [
      [
        'https://grafana.example.com/',
        'Continue to <bdi>grafana.example.com</bdi>',
        'You will continue to <b><bdi>grafana'
      ],
      ['/oidc/interaction/x', 'Return to the app', 'You will then return to the app.'],
      ['/signin/devices', 'Continue', 'Usher uses your Plex account.</p>'],
      [`/${'long/'.repeat(40)}`, 'Continue to <bdi>x.test</bdi>', '<bdi>x.test</bdi>']
    ] as const) {
      const query = { returnTo }
      const { body } = await signedIn.inject({ url: '/signin', query })
      t.match(body, `id="continue" href="${returnTo}">${link}</a>`)
      t.match((await signedOut.inject({ url: '/signin', query })).body, lead)
    }
  })

  t.test('an account that may not come in is named, invited, and offered another way', async (t) => {
    const fastify = await buildPage(t)
    const { body } = await fastify.inject('/signin?error=USHER_SERVER_ACCESS_DENIED&who=sealed')
    t.match(body, '<b><bdi>&lt;Ida&gt;</bdi></b> has no access to the media server of Usher.')
    t.match(body, 'Accept the invitation first')
    t.match(body, 'id="another" href="/signin">Use another account')
    t.notMatch(body, /data-panel="refused"[^>]* hidden/)
    t.match(body, /data-panel="choose"[^>]* hidden/)
    t.equal(ALERT.exec(body)?.[1], '', 'said once')
    const nobody = await fastify.inject('/signin?error=USHER_ACCOUNT_BLOCKED&who=forged')
    t.match(nobody.body, 'This Plex account may not sign in to Usher.')
    t.notMatch(nobody.body, /Accept the invitation|Otherwise/)
    t.match(nobody.body, 'If you think this is a mistake, ask the person who runs Usher.')
  })

  t.test('a returnTo that names this page counts for where it leads in the end', async (t) => {
    const check = (value: unknown) => (typeof value === 'string' && /^\/[^/]/.test(value) ? value : null)
    for (const [value, destination] of [
      ['/x/signin?fresh=1&returnTo=%2Fapp', '/app'],
      ['/x/signin?fresh=1&returnTo=%2Fx%2Fsignin%3Ffresh%3D1%26returnTo%3D%252Fapp', '/app'],
      ['/x/signin?returnTo=%2F%2Fevil.test', null],
      ['/x/signin', null],
      ['/x/signin?window=done', '/x/signin?window=done'],
      ['/signin?returnTo=%2Fapp', '/signin?returnTo=%2Fapp'],
      ['//evil.test', null]
    ]) {
      t.equal(findDestination(value, '/x', check), destination, String(value))
    }
  })

  t.test(
    'rule 61: an error of the closed list is said in words, anything else leaves no trace',
    async (t) => {
      const fastify = await buildPage(t)
      for (const code of CODES.filter((each) => !REFUSALS.some((refusal) => refusal === each))) {
        const { body } = await fastify.inject(`/signin?error=${code}`)
        t.match(ALERT.exec(body)?.[1], html`${english.problem(code)?.what ?? '?'}`.markup, code)
      }
      for (const query of [
        'error=canary',
        'error=toString',
        'error=__proto__',
        'error=not-kept',
        'error=USHER_',
        'error=USHER_A&error=USHER_B',
        'error='
      ]) {
        const { body, statusCode } = await fastify.inject(`/signin?${query}`)
        t.equal(statusCode, 200)
        t.equal(ALERT.exec(body)?.[1], '', query)
        t.notMatch(body, /canary|USHER_[AB]\b/)
      }
    }
  )

  t.test('shows who is signed in before any script runs', async (t) => {
    const session = cannedSession({ account: { ...cannedSession().account, title: '<Ida> & Co' } })
    const fastify = await buildPage(t, { findSession: async () => session })
    const { body } = await fastify.inject('/signin')
    t.match(body, '&lt;Ida&gt; &amp; Co')
    t.match(body, /id="account-avatar"[^>]*><span>&lt;<\/span>/, 'a letter where pictures need a script')
    t.match(body, 'Server owner')
    t.match(body, /data-panel="choose"[^>]* hidden/)
    t.notMatch(body, /data-panel="account"[^>]* hidden/)
  })

  t.test('is a start page: it lists the apps that the account may open, with icons', async (t) => {
    const icon = { type: 'image/png', body: Buffer.from('picture') }
    const rest = { hosts: [], access: null, headers: {} }
    const fastify = await buildPage(t, {
      basePath: '/x',
      apps: [{ id: 'photos', name: 'Photos', url: 'https://photos.test/', icon, ...rest }],
      findSession: () => cannedSession(),
      findApps: async () => ({
        open: [
          { id: 'photos', name: 'Photos', url: 'https://photos.test/', hasIcon: true },
          { id: 'wiki', name: '<Wiki>', url: 'https://wiki.test/', hasIcon: false }
        ],
        entered: ['Photos']
      })
    })
    const { body } = await fastify.inject('/x/signin')
    t.match(body, 'href="https://photos.test/"')
    t.match(body, 'src="/x/signin/apps/photos"')
    t.match(body, '&lt;Wiki&gt;')
    t.match(body, /Apps in use<\/dt><dd>Photos</)
    const picture = await fastify.inject('/x/signin/apps/photos')
    t.strictSame([picture.body, picture.headers['content-type']], ['picture', 'image/png'])
    t.match(picture.headers['content-security-policy'], /sandbox/)
    t.notMatch((await (await buildPage(t)).inject('/signin')).body, 'Your apps')
  })

  t.test('shows the ways in to whoever is signed in and asks for another account', async (t) => {
    const fastify = await buildPage(t, { findSession: () => cannedSession() })
    const { body } = await fastify.inject('/signin?again=1')
    t.notMatch(body, /data-panel="choose"[^>]* hidden/)
    t.match(body, /data-panel="account"[^>]* hidden/)
    t.match(body, /id="stay" href="\/signin">Stay signed in as Ida Lupino</)
  })

  t.test('says since when plex.tv is away, in UTC until a script knows better', async (t) => {
    const fastify = await buildPage(t, { plexUnreachableSince: () => Date.UTC(2026, 10, 24, 10, 12) })
    const { body } = await fastify.inject('/signin')
    t.match(body, 'plex.tv has been unreachable since')
    t.match(body, /datetime="2026-11-24T10:12:00.000Z">24 Nov 2026, 10:12 UTC/)
    t.notMatch(body, /id="outage" hidden/)
    t.match((await (await buildPage(t)).inject('/signin')).body, /id="outage" hidden/)
  })

  t.test('a stale session says so where nobody knows since when', async (t) => {
    const fastify = await buildPage(t, { findSession: () => cannedSession({ stale: true }) })
    t.match(
      (await fastify.inject('/signin')).body,
      /cannot be reached at the moment\.<\/b>\s+.*You stay signed in/
    )
  })

  t.test('carries the operator’s name and logo', async (t) => {
    const logo = { type: 'image/svg+xml', body: Buffer.from('<svg/>') }
    const fastify = await buildPage(t, { basePath: '/x', logo, name: 'Kino & Co' })
    t.match((await fastify.inject('/x/signin')).body, /src="\/x\/signin\/logo" alt="">\s+<span>Kino &amp; Co/)
    const answer = await fastify.inject('/x/signin/logo')
    t.equal(answer.headers['content-type'], 'image/svg+xml')
    t.match(answer.headers['content-security-policy'], /default-src 'none'.*sandbox/)
    t.equal(answer.body, '<svg/>')
  })
})

t.test('the files of the page', async (t) => {
  t.test('are cached for ever under their own version, not at all under another', async (t) => {
    const fastify = await buildPage(t)
    const { version, scripts } = loadAssets()
    for (const name of [...scripts, 'style.css', 'no-script.css', 'icon.svg', 'figtree.woff2']) {
      const answer = await fastify.inject(`/signin/assets/${version}/${name}`)
      t.equal(answer.statusCode, 200, name)
      t.match(answer.headers['cache-control'], /immutable/)
      t.notMatch(answer.headers['content-type'], /html/)
    }
    const other = await fastify.inject('/signin/assets/0000/app.js')
    t.equal(other.statusCode, 200)
    t.equal(other.headers['cache-control'], 'no-store')
  })

  t.test('are a closed list', async (t) => {
    const fastify = await buildPage(t)
    for (const name of [
      'page.ts',
      'app.ts',
      '..%2fpage.ts',
      '%2e%2e%2fassets.ts',
      '__proto__',
      'tsconfig.json'
    ]) {
      t.not((await fastify.inject(`/signin/assets/x/${name}`)).statusCode, 200, name)
    }
  })

  t.test('import nothing that a browser cannot load', async (t) => {
    const { find, scripts } = loadAssets()
    for (const name of scripts) {
      const source = find(name)?.body.toString() ?? ''
      for (const [, specifier] of source.matchAll(/^import .*?from '([^']+)'/gms)) {
        t.ok(specifier !== undefined && find(specifier.replace('./', '')), `${name} imports ${specifier}`)
      }
      t.notMatch(source, /\b(localStorage|sessionStorage|indexedDB|document\.cookie|innerHTML)\b/, name)
    }
  })
})

t.test('every problem that a browser can meet has words and something to do', async (t) => {
  // Answered by the internal listener alone.
  const elsewhere = ['USHER_BROWSER_REFUSED']
  for (const code of [...Object.keys(PROBLEMS), 'USHER_SIGNIN_CANCELLED']) {
    const words = english.problem(code)
    if (elsewhere.includes(code)) t.equal(words, undefined, code)
    else t.ok(words && words.what.length > 10 && words.todo.length > 10, code)
  }
  t.strictSame(
    CODES.filter((code) => !(code in PROBLEMS) && code !== 'USHER_SIGNIN_CANCELLED'),
    []
  )
})

t.test('the public URL itself leads to the page, below a base path and above it', async (t) => {
  const plain = await startTestUsher(t)
  const based = await startTestUsher(t, {
    simulator: plain.simulator,
    settings: { USHER_PUBLIC_URL: `${plain.settings['USHER_PUBLIC_URL']}/media/usher` }
  })
  const host = { host: new URL(plain.settings['USHER_PUBLIC_URL'] ?? '').host }
  for (const [usher, path, page] of [
    [plain, '/', '/signin'],
    [plain, '/?utm=1', '/signin'],
    [based, '/', '/media/usher/signin'],
    [based, '/media/usher', '/media/usher/signin'],
    [based, '/media/usher/', '/media/usher/signin']
  ] as const) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await usher.browser().ask(path, { method, headers: host })
      t.equal(answer.status, 302, `${method} ${path}`)
      t.equal(answer.headers.location, page)
      t.strictSame(answer.setCookies, [])
    }
    t.equal((await usher.browser().get(page, host)).status, 200)
  }
})
