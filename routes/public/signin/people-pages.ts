import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { Problem } from '../../../src/domain/problems.ts'
import type { Session } from '../../../src/session/session.ts'
import { problems } from '../../schemas.ts'
import { type Html, html } from './html.ts'
import {
  accountItems,
  eventItems,
  type ListPage,
  ownerTokenNotice,
  type Question,
  questionForm,
  renderListPage,
  sessionItems
} from './people-views.ts'

export interface PeoplePagesOptions {
  readonly core: Pick<Core, 'config' | 'people' | 'standings' | 'ownerTokenTrouble'>
  readonly assetsPath: string
  readonly sendHtml: (reply: FastifyReply, page: string) => FastifyReply
}

interface PageQuery {
  readonly end?: string
  readonly out?: string
  readonly block?: string
  readonly unblock?: string
  readonly account?: string
  readonly before?: string
}

const open = {
  guard: { none: 'whoever is not signed in is led to the sign-in' },
  sameOrigin: { off: 'links lead here, and nothing changes' },
  limit: 'account'
} as const
const form = { ...open, sameOrigin: 'form' } as const
const schema = {
  tags: ['signin'],
  response: { 200: Type.String(), 303: Type.Null(), ...problems(403, 404, 503) }
}
/** How often an open page is looked at for news, and how long a silence may be. */
const LOOK_MS = 1000
const PING_LOOKS = 25

/** *Devices*, *People* and *Events*: complete without scripts, live with them (docs/people.md). */
export const peoplePages: FastifyPluginAsync<PeoplePagesOptions> = async (fastify, options) => {
  const { core, assetsPath, sendHtml } = options
  const { people, standings, config } = core
  const { basePath } = config.publicUrl
  const brandNow = () => {
    const { name, logo } = config.brand
    return { name, logoPath: logo === null ? null : `${basePath}/signin/logo` }
  }
  const closing = new AbortController()
  fastify.addHook('preClose', async () => closing.abort())
  fastify.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(body.toString())))
    }
  )

  /** Null where nobody is signed in, and the answer has gone out. */
  async function sessionOf(request: FastifyRequest, reply: FastifyReply): Promise<Session | null> {
    const read = request.readSession()
    if (read.open) {
      const standing = await standings.settle(read.live)
      if (standing === 'good' || standing === 'past-grace') return read.live.session
      if (standing === 'denied') throw new Problem('USHER_SERVER_ACCESS_DENIED')
    }
    const target = `${basePath}/signin?returnTo=${encodeURIComponent(`${basePath}/signin/devices`)}`
    reply.redirect(target, 303)
    return null
  }

  function send(
    reply: FastifyReply,
    page: Pick<ListPage, 'current' | 'heading' | 'content'>,
    session: Session
  ) {
    const isOwner = people.isOwner(session)
    return sendHtml(
      reply,
      renderListPage({ basePath, assetsPath, brand: brandNow(), isOwner, ...page })
    ).header('referrer-policy', 'same-origin')
  }

  const listPath = (list: ListPage['current']) => `${basePath}/signin/${list}`

  function ask(question: Omit<Question, 'action' | 'back'>, list: 'devices' | 'people'): Html {
    return questionForm({ ...question, action: listPath(list), back: listPath(list) })
  }

  async function endQuestion(session: Session, handle: string, list: 'devices' | 'people'): Promise<Html> {
    const { sessions } = await people.sessions({ session })
    const found = sessions.find((each) => each.handle === handle)
    if (found === undefined) throw new Problem('USHER_NOT_FOUND')
    const what = found.device.name === '' ? 'this device' : found.device.name
    return ask(
      {
        text: found.current
          ? `End this session, on ${what}?`
          : `End the session of ${found.account.title} on ${what}?`,
        detail: 'It is signed out at once, what it plays stops, and its apps are told.',
        fields: { end: handle },
        yes: 'End it'
      },
      list
    )
  }

  fastify.get<{ Querystring: PageQuery }>(
    '/signin/devices',
    { config: open, schema: { ...schema, summary: 'Where one is signed in' } },
    async (request, reply) => {
      const session = await sessionOf(request, reply)
      if (session === null) return reply
      const { end } = request.query
      if (typeof end === 'string') {
        const content = await endQuestion(session, end, 'devices')
        return send(reply, { current: 'devices', heading: 'End a session', content }, session)
      }
      const list = await people.sessions({ session }, session.account.id)
      const content = html`<p class="lead">Where ${session.account.title} is signed in.</p>${sessionItems(list, listPath('devices'), false)}`
      return send(reply, { current: 'devices', heading: 'Devices', content }, session)
    }
  )

  fastify.get<{ Querystring: PageQuery }>(
    '/signin/people',
    { config: open, schema: { ...schema, summary: 'Who is signed in; owner only' } },
    async (request, reply) => {
      const session = await sessionOf(request, reply)
      if (session === null) return reply
      const accounts = await people.accounts({ session })
      const { end, out, block, unblock, account } = request.query
      const nameOf = (id: string) => accounts.find((each) => String(each.id) === id)?.title || `account ${id}`
      const show = (heading: string, content: Html) =>
        send(reply, { current: 'people', heading, content }, session)
      if (typeof end === 'string') return show('End a session', await endQuestion(session, end, 'people'))
      if (isId(out)) {
        const text = `Sign ${nameOf(out)} out everywhere?`
        const detail = 'All sessions end at once, what they play stops, and apps are told.'
        return show('Sign out everywhere', ask({ text, detail, fields: { out }, yes: 'Sign out' }, 'people'))
      }
      if (isId(block)) {
        const text = `Block ${nameOf(block)}?`
        const detail =
          'All sessions end at once, and the account cannot sign in here until you let it in again.'
        return show('Block an account', ask({ text, detail, fields: { block }, yes: 'Block' }, 'people'))
      }
      if (isId(unblock)) {
        const text = `Let ${nameOf(unblock)} sign in again?`
        const detail = 'Whoever has access to the server can then sign in.'
        return show('Lift a block', ask({ text, detail, fields: { unblock }, yes: 'Let in again' }, 'people'))
      }
      const list = await people.sessions({ session }, isId(account) ? Number(account) : undefined)
      return show(
        isId(account) ? `Devices of ${nameOf(account)}` : 'People',
        html`${ownerTokenNotice(core.ownerTokenTrouble())}${isId(account) ? null : accountItems(accounts, listPath('people'))}
        <h2 class="apps-heading">Devices</h2>${sessionItems(list, listPath('people'), true)}`
      )
    }
  )

  fastify.get<{ Querystring: PageQuery }>(
    '/signin/events',
    { config: open, schema: { ...schema, summary: 'Audit events; owner only' } },
    async (request, reply) => {
      const session = await sessionOf(request, reply)
      if (session === null) return reply
      const { before } = request.query
      const isPlace = typeof before === 'string' && /^[\w-]{1,40}$/.test(before)
      const { events } = await people.events({ session }, isPlace ? before : undefined)
      const content = eventItems(events, listPath('events'))
      return send(reply, { current: 'events', heading: 'Events', content }, session)
    }
  )

  for (const list of ['devices', 'people'] as const) {
    fastify.post<{ Body: Readonly<Record<string, unknown>> }>(
      `/signin/${list}`,
      {
        config: form,
        schema: {
          ...schema,
          summary: 'What a form of the page ends, blocks or lifts',
          response: { ...schema.response, ...problems(400, 415) }
        }
      },
      async (request, reply) => {
        const session = await sessionOf(request, reply)
        if (session === null) return reply
        const { end, out, block, unblock } = request.body ?? {}
        let isSelf = false
        if (typeof end === 'string') isSelf = (await people.end({ session }, end)).id === session.id
        else if (isId(out)) {
          await people.endAccount({ session }, Number(out))
          isSelf = Number(out) === session.account.id
        } else if (isId(block)) await people.block({ session }, Number(block))
        else if (isId(unblock)) await people.unblock({ session }, Number(unblock))
        else throw new Problem('USHER_INVALID_REQUEST')
        if (isSelf) reply.clearSessionCookie()
        return reply.redirect(isSelf ? `${basePath}/signin` : listPath(list), 303)
      }
    )
  }

  /** Says when a list has changed, and ends with its session. */
  async function* news(session: Session): AsyncGenerator<string> {
    const read = async () => {
      const asker = { session }
      const seen = await people.sessions(asker)
      // Minutes pass without news.
      const told = seen.sessions.map(({ lastSeenAt: _, ...rest }) => rest)
      return JSON.stringify([
        told,
        people.isOwner(session)
          ? (await people.accounts(asker)).map(({ id, blocked }) => [id, blocked])
          : null,
        core.ownerTokenTrouble()
      ])
    }
    yield 'retry: 5000\n\n'
    let before = await read()
    for (let looks = 1; !closing.signal.aborted && !standings.hasEnded(session); looks += 1) {
      await delay(LOOK_MS, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      if (standings.hasEnded(session)) break
      const after = await read().catch(() => before)
      if (after !== before) yield 'event: changed\ndata: {}\n\n'
      else if (looks % PING_LOOKS === 0) yield ': still here\n\n'
      before = after
    }
    yield 'event: ended\ndata: {}\n\n'
  }

  fastify.get(
    '/signin/live',
    {
      config: { guard: 'session', sameOrigin: 'always', limit: 'account' },
      schema: {
        tags: ['signin'],
        summary: 'An event for each change of the lists',
        produces: ['text/event-stream'],
        response: { 200: Type.String(), ...problems(401, 403, 429) }
      }
    },
    async (request, reply) => {
      const { session } = request.requireSession().live
      return reply
        .type('text/event-stream')
        .headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
        .send(Readable.from(news(session)))
    }
  )
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[1-9]\d{0,15}$/.test(value)
}
