import { globSync, readFileSync } from 'node:fs'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { loadAssets } from '../../../routes/public/signin/assets.ts'
import type { TextKey } from '../../../routes/public/signin/client/texts.ts'
import { html } from '../../../routes/public/signin/html.ts'
import {
  createLanguage,
  createLanguages,
  LANGUAGES,
  type LanguageSource
} from '../../../routes/public/signin/language.ts'
import { signinPage } from '../../../routes/public/signin/page.ts'
import { parsePublicUrl } from '../../../src/config/urls.ts'
import { PROBLEMS } from '../../../src/domain/problems.ts'
import { cannedSession } from '../../e2e/support/canned-people.ts'
import { MIRRORED } from '../../support/mirrored.ts'
import { startOpenId } from '../../support/openid.ts'
import { FRIEND, OWNER, startTestUsher } from '../../support/usher.ts'

const ROOT = new URL('../../../', import.meta.url).pathname
const [english, ...translations] = LANGUAGES
if (english === undefined) throw new Error('no source')
const source = english.texts
const keys = Object.keys(source) as TextKey[]

const placeholdersOf = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort()

async function buildPage(t: Test, sources?: readonly LanguageSource[], session = false) {
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(signinPage, {
    config: {
      publicUrl: parsePublicUrl('https://x.test'),
      plexAppUrl: 'https://app.plex.tv',
      pms: { url: 'http://pms.test', machineId: null, ca: null },
      brand: { name: 'Usher', logo: null },
      apps: []
    },
    findReturnTo: (value) => (typeof value === 'string' ? value : null),
    findSession: () => (session ? cannedSession() : null),
    findApps: async () => ({ open: [], entered: [] }),
    findRefusedName: () => null,
    plexUnreachableSince: () => null,
    languages: createLanguages(sources)
  })
  return fastify
}

t.test('every language', async (t) => {
  for (const { tag, texts } of translations) {
    t.strictSame(
      Object.keys(texts).sort(),
      [...keys].sort(),
      `${tag}: no text is missing, and none is too many`
    )
    for (const key of keys) {
      t.strictSame(placeholdersOf(texts[key]), placeholdersOf(source[key]), `${tag} ${key}: its placeholders`)
      t.match(texts[key], /^\S(?:.*\S)?$/, `${tag} ${key}: a text, without spaces round it`)
      t.equal(
        /[.!?]$/.test(texts[key]),
        /[.!?]$/.test(source[key]),
        `${tag} ${key}: ends as a sentence or not`
      )
    }
    const same = keys.filter(
      (key) => texts[key] === source[key] && / /.test(source[key].replace(/\{\w+\}/g, ''))
    )
    t.ok(same.length <= 4, `${tag}: translated, except ${same.join(', ')}`)
  }
})

t.test('a phrase reads well with every value', async (t) => {
  for (const { tag, texts } of LANGUAGES) {
    for (const key of keys) {
      if (texts[key].includes('{app}')) t.match(texts[key], /^\{app\}/, `${tag} ${key}: "The app" begins it`)
    }
  }
  const french = LANGUAGES.find(({ tag }) => tag === 'fr')?.texts ?? source
  t.strictSame(
    keys.filter((key) => / [:;?!»]|« /.test(french[key])),
    [],
    'no line of French begins with its punctuation'
  )
})

// Room on the narrowest page, 320 pixels, by what the text is.
const ROOM: readonly [what: RegExp, mostChars: number][] = [
  [/^(?:password\.(?:show|hide))$/, 10],
  [/^(?:cancel|pin\.submit|devices\.end|people\.block|end\.yes)$/, 14],
  [/^(?:account\.(?:since|idle|ends|server|apps)|devices\.(?:kind|seen|since|apps|playing))$/, 28],
  [/\.heading$/, 42],
  [
    /^(?:choose\.(?:plex|code|password)|account\.(?:sign-out|switch|change-server)|refused\.(?:another|again))$/,
    34
  ],
  [/^choose\.(?:code|password)-hint$/, 52],
  [/^owner-token\.todo$/, 320],
  [/./, 230]
]

t.test('no text is longer than its place', async (t) => {
  for (const { tag, texts } of LANGUAGES) {
    for (const key of keys) {
      const [, most = 0] = ROOM.find(([what]) => what.test(key)) ?? []
      t.ok(texts[key].length <= most, `${tag} ${key}: ${texts[key].length} of ${most} characters`)
    }
  }
})

t.test('every text is used, and every problem of a browser has one', async (t) => {
  const files = globSync('routes/public/{signin,oidc}/**/*.ts', { cwd: ROOT })
  const code = files.map((file) => readFileSync(ROOT + file, 'utf8')).join('\n')
  // Read by a name that is put together: by problem, role, or kind of device.
  const families =
    /^(?:problem\.USHER_|role\.|denied\.(?:owner|home|shared|none)$|devices\.(?:desktop|phone|tablet|tv|other)$|(?:devices|people|events)\.heading$)/
  t.strictSame(
    keys.filter((key) => !families.test(key) && !code.includes(`'${key}'`)),
    []
  )
  const codes = keys.flatMap((key) => /^problem\.(USHER_\w+)\.what$/.exec(key)?.[1] ?? [])
  t.strictSame(
    codes.filter((each) => !(each in PROBLEMS) && each !== 'USHER_SIGNIN_CANCELLED'),
    []
  )
  const { textKeys } = loadAssets()
  for (const key of ['code.left', 'waiting', 'reference', 'pin.incomplete', 'role.owner'] as const)
    t.ok(textKeys.includes(key), `the script gets ${key}`)
  t.notOk(textKeys.includes('footer'), 'and not what only the server shows')
})

t.test('Accept-Language decides', async (t) => {
  const languages = createLanguages()
  for (const [field, tag] of [
    [undefined, 'en'],
    ['', 'en'],
    ['de', 'de'],
    ['de-AT', 'de'],
    ['DE-ch-1996', 'de'],
    ['pt-PT,pt;q=0.9', 'pt-BR'],
    ['da, en-gb;q=0.8, en;q=0.7', 'en'],
    ['da, nl;q=0.5, sv;q=0.6', 'sv'],
    ['fr;q=0.4, es;q=0.9', 'es'],
    ['fr;q=0, en', 'en'],
    ['ja, *;q=0.1', 'en'],
    ['xx', 'en'],
    ['__proto__, constructor', 'en'],
    [`${'x-y,'.repeat(2000)}fr`, 'fr'],
    [';;;q=,,,', 'en']
  ] as const)
    t.equal(languages.find(field).tag, tag, String(field).slice(0, 40))
})

t.test('a page says which language it has, and that another request may get another', async (t) => {
  const fastify = await buildPage(t)
  const { headers, body } = await fastify.inject({
    url: '/signin?error=USHER_SESSION_EXPIRED',
    headers: { 'accept-language': 'de-DE,de;q=0.9,en;q=0.8' }
  })
  t.equal(headers['content-language'], 'de')
  t.equal(headers.vary, 'Accept-Language')
  t.match(body, '<html lang="de" dir="ltr">')
  t.match(body, 'Ihre Sitzung ist abgelaufen.')
  t.match(body, 'Mit Plex anmelden')
  t.match(body, '<p data-key="code.expired">Dieser Code ist abgelaufen.</p>', 'and so do its scripts')
  t.notMatch(body, /Sign in|expired\./)
})

t.test('right to left', async (t) => {
  const fastify = await buildPage(t, [english, MIRRORED], true)
  const { body, headers } = await fastify.inject({ url: '/signin', headers: { 'accept-language': 'ar' } })
  t.match(body, '<html lang="ar-XB" dir="rtl">')
  t.equal(headers['content-language'], 'ar-XB')
  for (const file of globSync('routes/public/signin/style/*.css', { cwd: ROOT })) {
    const physical = readFileSync(ROOT + file, 'utf8')
      .replace(/body::(?:before|after) \{[^}]*\}/g, '')
      .match(
        /(?:(?:margin|padding|border)-(?:left|right)\b|(?<![\w-])(?:left|right):|text-align: (?:left|right)|float:).*/g
      )
    t.strictSame(physical, null, `${file}: no side of its own`)
  }
})

t.test('markup in a translation or a value stays text', async (t) => {
  const language = createLanguage({
    ...english,
    texts: { ...source, 'denied.who': '<i>{name}</i> & {role}', 'again-in': '<b>{wait}</b> {missing}' }
  })
  t.equal(
    language.phrase('denied.who', { name: html`<b>${'<x>'}</b>`, role: '<script>' }).markup,
    '&lt;i&gt;<b>&lt;x&gt;</b>&lt;/i&gt; &amp; &lt;script&gt;'
  )
  t.equal(language.text('again-in', { wait: '{name} $& 1' }), '<b>{name} $& 1</b> ')
  t.equal(language.problem('constructor'), undefined)
})

t.test('lists, sign-out and pages of apps come in the same language', async (t) => {
  const usher = await startTestUsher(t)
  const german = { 'accept-language': 'de' }
  const owner = await usher.signedIn(OWNER)
  for (const [path, words] of [
    ['/signin', 'Sie sind angemeldet'],
    ['/signin/devices', 'Dieses Gerät'],
    ['/signin/people', 'Serverbesitzer'],
    ['/signin/events', 'Ereignisse'],
    ['/signin?everywhere=1', 'Auf allen Geräten abmelden?']
  ] as const) {
    const answer = await owner.get(path, german)
    t.match(answer.text, words, path)
    t.match(answer.text, '<html lang="de"')
    t.match(answer.headers.vary, /Accept-Language/)
    t.equal(answer.headers['content-language'], 'de')
  }
  const friend = await usher.signedIn(FRIEND)
  for (const [path, status, words] of [
    ['/signin/people', 403, 'Ihr Konto darf diese Seite nicht öffnen'],
    ['/signin/devices?end=nothing', 404, 'Diese Seite gibt es nicht']
  ] as const) {
    const page = await friend.get(path, { ...german, accept: 'text/html' })
    t.equal(page.status, status, path)
    t.match(page.text, words)
    t.match((await friend.get(path, german)).json.code, /^USHER_/, 'and a program gets the problem')
  }
  const denied = await owner.get('/session/verify?app=none', {
    ...german,
    accept: 'text/html',
    'x-forwarded-method': 'GET'
  })
  t.equal(denied.status, 403)
  t.match(denied.text, 'Ihr Konto darf diese Seite nicht öffnen')
  t.match(denied.text, 'Besitzer dieses Medienservers')
  const forged = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'cross-site' }
  const body = 'everywhere=yes'
  t.equal((await owner.ask('/signin/sign-out', { method: 'POST', body, headers: forged })).status, 403)
  t.equal((await owner.get('/session')).status, 200, 'no other site signs anybody out')
  const out = await owner.ask('/signin/sign-out', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' }
  })
  t.equal(out.status, 303)
  t.equal(out.headers.location, '/signin?out=1')
  t.equal((await owner.get('/session')).status, 401)
  t.match((await owner.get('/signin?out=1', german)).text, 'Sie sind abgemeldet.')
})

t.test('the pages around OpenID Connect come in the same language', async (t) => {
  const usher = await startOpenId(t, [{ id: 'app' }])
  const french = { 'accept-language': 'fr-CA,fr;q=0.9' }
  for (const [path, words] of [
    ['/oidc/interaction/gone', 'Recommencez dans l’application'],
    ['/oidc/auth?client_id=stranger&response_type=code&redirect_uri=https://x.test/', 'Application inconnue'],
    ['/oidc/logout/success', 'Vous êtes déconnecté, ici et de vos applications.']
  ] as const) {
    const { text, headers } = await usher.browser().get(path, { ...french, accept: 'text/html' })
    t.match(text, words, path)
    t.match(text, '<html lang="fr" dir="ltr">')
    t.equal(headers['content-language'], 'fr')
    t.match(headers['vary'], /Accept-Language/)
  }
})
