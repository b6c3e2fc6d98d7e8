import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Config } from '../../../src/config/config.ts'
import { Problem } from '../../../src/domain/problems.ts'
import { isTelevision } from '../../../src/domain/televisions.ts'
import { addVary } from '../../../src/domain/vary.ts'
import type { SessionView } from '../../../src/session/session.ts'
import type { FindReturnTo } from '../../../src/session/sign-in/return-to.ts'
import { problems } from '../../schemas.ts'
import { type Assets, loadAssets } from './assets.ts'
import { findDestination, placeOf } from './destination.ts'
import { createLanguages, type Languages } from './language.ts'
import { type AppList, REFUSALS, type Refused } from './model.ts'
import { type PeoplePagesOptions, peoplePages } from './people-pages.ts'
import { type SignOutOptions, signOut } from './sign-out.ts'
import { renderPage } from './template.ts'

export interface SigninPageOptions {
  readonly config: Pick<Config, 'publicUrl' | 'plexAppUrl' | 'brand' | 'pms' | 'apps'>
  readonly findReturnTo: FindReturnTo
  readonly findSession: (request: FastifyRequest) => SessionView | null | Promise<SessionView | null>
  /** Epoch ms of the first call that plex.tv did not answer; null while it answers. */
  readonly plexUnreachableSince: () => number | null
  /** The apps of whoever is signed in. */
  readonly findApps: (request: FastifyRequest) => Promise<AppList>
  /** The name in the seal that a refusal carries; null for anything else. */
  readonly findRefusedName: (sealed: unknown) => string | null
  readonly languages?: Languages
  readonly assets?: Assets
  /** Who is signed in; without it there are no lists and no sign-out. */
  readonly core?: PeoplePagesOptions['core'] & SignOutOptions['core']
}

interface PageQuery {
  readonly returnTo?: unknown
  readonly error?: unknown
  readonly window?: unknown
  readonly fresh?: unknown
  readonly again?: unknown
  readonly who?: unknown
  readonly out?: unknown
  readonly everywhere?: unknown
}

// CSP 3 §6.3.2: form-action also applies to the redirect that answers the form, which leads to Plex's page.
function contentSecurityPolicy(plexAppUrl: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    `form-action 'self' ${new URL(plexAppUrl).origin}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'"
  ].join('; ')
}

const open = {
  guard: { none: 'people come here to sign in' },
  sameOrigin: { off: 'links from other sites lead here, and nothing changes' },
  limit: { none: 'nothing is asked of plex.tv' }
} as const
const response = { 200: Type.String() }

/** `/signin`: one server-rendered page, its files and the operator's logo, in the scope of the public base path. */
export const signinPage: FastifyPluginAsync<SigninPageOptions> = async (fastify, options) => {
  const { config, findReturnTo, findSession, findApps, findRefusedName, plexUnreachableSince } = options
  const { languages = createLanguages(), assets = loadAssets() } = options
  const { basePath } = config.publicUrl
  const policy = contentSecurityPolicy(config.plexAppUrl)

  const plexAppOrigin = new URL(config.plexAppUrl).origin

  const sendHtml: PeoplePagesOptions['sendHtml'] = (reply, { tag }, page, referrer) =>
    reply
      .type('text/html; charset=utf-8')
      .header('vary', addVary(reply.getHeader('vary'), 'Accept-Language'))
      .headers({
        'content-language': tag,
        'content-security-policy': policy,
        'cache-control': 'no-store',
        'referrer-policy': referrer,
        'x-content-type-options': 'nosniff'
      })
      .send(page)

  const assetsPath = `${basePath}/signin/assets/${assets.version}`
  const { core } = options
  if (core !== undefined) {
    await fastify.register(peoplePages, { core, assetsPath, sendHtml, languages })
    await fastify.register(signOut, { core })
  }

  fastify.get<{ Querystring: PageQuery }>(
    '/signin',
    { config: open, schema: { tags: ['signin'], summary: 'The sign-in page', response } },
    async (request, reply) => {
      // The ways in are asked for although somebody is signed in: to go on as another account.
      const { query, headers } = request
      const again = query.again === '1'
      const current = await findSession(request)
      const session = again ? null : current
      const fresh = query.fresh === '1'
      const language = languages.find(headers['accept-language'])
      const { text } = language
      const notKept = { what: text('problem.not-kept.what'), todo: text('problem.not-kept.todo') }
      const returnTo = findDestination(query.returnTo, basePath, findReturnTo)
      const refused = session === null ? findRefused(query, findRefusedName) : null
      const problem = language.problem(query.error) ?? (fresh && session === null && !again ? notKept : null)
      const { name, logo } = config.brand
      const page = renderPage(
        {
          language,
          basePath,
          assetsPath,
          brand: { name, logoPath: logo === null ? null : `${basePath}/signin/logo` },
          plexAppOrigin,
          television: isTelevision(headers['user-agent'] ?? ''),
          returnTo,
          place: placeOf(returnTo, config.publicUrl),
          problem: refused === null ? problem : null,
          refused,
          signedOut: query.out === '1' && current === null,
          stay: again && current !== null ? current.account.title : null,
          session,
          everywhere: query.everywhere === '1',
          apps: session === null ? { open: [], entered: [] } : await findApps(request),
          fresh: fresh && session !== null,
          unreachableSince: plexUnreachableSince(),
          serverChoice: config.pms.url === null,
          windowDone: query.window === 'done'
        },
        assets
      )
      return sendHtml(reply, language, page, 'no-referrer')
    }
  )

  fastify.get<{ Params: { version: string; name: string } }>(
    '/signin/assets/:version/:name',
    {
      config: open,
      schema: {
        tags: ['signin'],
        summary: 'A file of the sign-in page',
        response: { ...response, ...problems(404) }
      }
    },
    async (request, reply) => {
      const asset = assets.find(request.params.name)
      if (asset === undefined) throw new Problem('USHER_NOT_FOUND')
      // During a roll-out a page of the other version gets this file, but must not cache it under its own version.
      const current = request.params.version === assets.version
      return reply
        .type(asset.type)
        .headers({
          'cache-control': current ? 'public, max-age=31536000, immutable' : 'no-store',
          'x-content-type-options': 'nosniff'
        })
        .send(asset.body)
    }
  )

  // Looked up for each request, because a reload may bring other pictures.
  fastify.get<{ Params: { id: string } }>(
    '/signin/apps/:id',
    {
      config: open,
      schema: { tags: ['signin'], summary: 'An app’s icon', response: { ...response, ...problems(404) } }
    },
    async (request, reply) =>
      sendPicture(reply, config.apps.find(({ id }) => id === request.params.id)?.icon ?? null)
  )
  fastify.get(
    '/signin/logo',
    {
      config: open,
      schema: {
        tags: ['signin'],
        summary: 'The operator’s logo',
        response: { ...response, ...problems(404) }
      }
    },
    async (_request, reply) => sendPicture(reply, config.brand.logo)
  )
}

/** A refusal of the account itself, with its name where the seal is good. */
function findRefused(
  { error, who }: PageQuery,
  findName: SigninPageOptions['findRefusedName']
): Refused | null {
  const code = REFUSALS.find((each) => each === error)
  return code === undefined ? null : { code, account: findName(who) }
}

function sendPicture(reply: FastifyReply, picture: Config['brand']['logo']): FastifyReply {
  if (picture === null) throw new Problem('USHER_NOT_FOUND')
  return reply
    .type(picture.type)
    .headers({
      'cache-control': 'public, max-age=3600',
      'x-content-type-options': 'nosniff',
      // An SVG opened directly is a document: nothing in it may run.
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    })
    .send(picture.body)
}
