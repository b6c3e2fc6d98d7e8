import Fastify, { type FastifyPluginAsync, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import { parseForms } from '../../../routes/forms.ts'
import type { Languages } from '../../../routes/public/signin/language.ts'
import type { AppList } from '../../../routes/public/signin/model.ts'
import { signinPage } from '../../../routes/public/signin/page.ts'
import type { SessionView } from '../../../src/session/session.ts'

export interface CannedAnswer {
  readonly status?: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface AskedRequest {
  readonly method: string
  readonly path: string
  readonly body: unknown
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface CannedSite {
  readonly url: string
  readonly asked: AskedRequest[]
  /** What `METHOD /session/path` answers from now on. A list is used up one by one; its last entry stays. */
  answer(route: string, ...answers: readonly (CannedAnswer | 'broken')[]): void
  session: SessionView | null
  unreachableSince: number | null
}

export interface CannedOptions {
  readonly basePath?: string
  readonly pmsUrl?: string | null
  readonly brand?: {
    readonly name: string
    readonly logo: { readonly type: string; readonly body: Buffer } | null
  }
  readonly plexAppUrl?: string
  readonly languages?: Languages
  /** The apps of the person who is signed in. */
  readonly apps?: AppList
}

/** A problem as Usher sends it. */
export function problem(
  code: string,
  status: number,
  headers: Readonly<Record<string, string>> = {}
): CannedAnswer {
  return { status, headers, body: { title: code, status, code, detail: 'x', requestId: 'req-7f3a' } }
}

/** The page on a bare Fastify whose routes answer from a script: for appearance and for faults. */
export async function startCannedSite(t: Test, options: CannedOptions = {}): Promise<CannedSite> {
  const basePath = options.basePath ?? ''
  const script = new Map<string, (CannedAnswer | 'broken')[]>()
  const asked: AskedRequest[] = []
  const state: { session: SessionView | null; unreachableSince: number | null } = {
    session: null,
    unreachableSince: null
  }

  const answerRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.slice(basePath.length)
    asked.push({ method: request.method, path, body: request.body, headers: request.headers })
    const answers = script.get(`${request.method} ${path.replace(/\?.*/, '')}`) ?? []
    const answer =
      (answers.length > 1 ? answers.shift() : answers[0]) ?? problem('USHER_SESSION_REQUIRED', 401)
    if (answer === 'broken') {
      reply.hijack()
      request.raw.socket.destroy()
      return
    }
    const { status = 200, body, headers = {} } = answer
    return reply.code(status).headers(headers).send(body)
  }

  const fastify = Fastify({ forceCloseConnections: true })
  t.teardown(() => fastify.close())
  const publicScope: FastifyPluginAsync = async (scope) => {
    await scope.register(signinPage, {
      config: {
        publicUrl: {
          href: 'http://site.test',
          origin: 'http://site.test',
          basePath,
          hostname: 'site.test',
          secure: false
        },
        plexAppUrl: options.plexAppUrl ?? 'https://app.plex.tv',
        pms: {
          url: options.pmsUrl === undefined ? 'http://pms.test' : options.pmsUrl,
          machineId: null,
          ca: null
        },
        brand: options.brand ?? { name: 'Usher', logo: null },
        apps: []
      },
      findApps: async () => options.apps ?? { open: [], entered: [] },
      ...(options.languages !== undefined && { languages: options.languages }),
      findRefusedName: (sealed) => (sealed === 'sealed-ida' ? 'Ida Lupino' : null),
      findReturnTo: (value) =>
        typeof value === 'string' && /^(?:https:\/\/grafana\.example\.com)?\/[a-z/]*$/.test(value)
          ? value
          : null,
      findSession: () => state.session,
      plexUnreachableSince: () => state.unreachableSince
    })
    parseForms(scope)
    scope.post('/signin/sign-out', async (request, reply) => {
      asked.push({ method: 'POST', path: '/signin/sign-out', body: request.body, headers: request.headers })
      state.session = null
      return reply.redirect(`${basePath}/signin?out=1`, 303)
    })
    scope.all('/session', answerRequest)
    scope.all('/session/*', answerRequest)
    scope.get('/plex/*', answerRequest)
    scope.get('/app', async (_request, reply) => reply.type('text/html').send('<title>The app</title>'))
  }
  await fastify.register(publicScope, { prefix: basePath })
  const origin = await fastify.listen({ host: '127.0.0.1', port: 0 })
  return Object.assign(state, {
    url: `${origin}${basePath}`,
    asked,
    answer: (route: string, ...answers: readonly (CannedAnswer | 'broken')[]) => {
      script.set(route, [...answers])
    }
  })
}
