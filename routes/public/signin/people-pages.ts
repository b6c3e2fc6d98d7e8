import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { Problem } from '../../../src/domain/problems.ts'
import { isTelevision } from '../../../src/domain/televisions.ts'
import type { Session } from '../../../src/session/session.ts'
import { problems } from '../../schemas.ts'
import type { TextKey } from './client/texts.ts'
import { parseForms } from './forms.ts'
import { type Html, html } from './html.ts'
import type { Language, Languages } from './language.ts'
import {
  accountItems,
  deviceName,
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
  readonly sendHtml: (
    reply: FastifyReply,
    language: Language,
    page: string,
    referrer: 'no-referrer' | 'same-origin'
  ) => FastifyReply
  readonly languages: Languages
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
const OUT = ['people.out-question', 'people.out-detail', 'people.out-yes'] as const
const BLOCK = ['people.block-question', 'people.block-detail', 'people.block'] as const
const UNBLOCK = ['people.unblock-question', 'people.unblock-detail', 'people.unblock'] as const
/** How often an open page is looked at for news, and how long a silence may be. */
const LOOK_MS = 1000
const PING_LOOKS = 25
/** Reading long lists takes time: an open page takes a twentieth of it at most. */
const REST_PART = 20

/** *Devices*, *People* and *Events*: complete without scripts, live with them (docs/people.md). */
export const peoplePages: FastifyPluginAsync<PeoplePagesOptions> = async (fastify, options) => {
  const { core, assetsPath, sendHtml, languages } = options
  const { people, standings, config } = core
  const { basePath } = config.publicUrl
  const brandNow = () => {
    const { name, logo } = config.brand
    return { name, logoPath: logo === null ? null : `${basePath}/signin/logo` }
  }
  const closing = new AbortController()
  fastify.addHook('preClose', async () => closing.abort())
  parseForms(fastify)

  const languageOf = ({ headers }: FastifyRequest) => languages.find(headers['accept-language'])

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
    page: Pick<ListPage, 'current' | 'heading' | 'content' | 'language'>,
    session: Session
  ) {
    const isOwner = people.isOwner(session)
    const television = isTelevision(reply.request.headers['user-agent'] ?? '')
    const markup = renderListPage({ basePath, assetsPath, brand: brandNow(), isOwner, television, ...page })
    return sendHtml(reply, page.language, markup, 'same-origin')
  }

  const listPath = (list: ListPage['current']) => `${basePath}/signin/${list}`

  function ask(question: Omit<Question, 'action' | 'back'>, list: 'devices' | 'people'): Html {
    return questionForm({ ...question, action: listPath(list), back: listPath(list) })
  }

  async function endQuestion(
    session: Session,
    handle: string,
    list: 'devices' | 'people',
    language: Language
  ): Promise<Html> {
    const { text } = language
    const { sessions } = await people.sessions({ session })
    const found = sessions.find((each) => each.handle === handle)
    if (found === undefined) throw new Problem('USHER_NOT_FOUND')
    const device =
      found.device.name === '' ? text('end.this-device') : deviceName(found.device.name, language)
    const values = { device, name: found.account.title }
    return ask(
      {
        text: found.current ? text('end.own', values) : text('end.other', values),
        detail: text('end.detail'),
        fields: { end: handle },
        yes: text('end.yes'),
        no: text('cancel')
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
      const language = languageOf(request)
      const { text } = language
      const show = (heading: string, content: Html) =>
        send(reply, { language, current: 'devices', heading, content }, session)
      const { end } = request.query
      if (typeof end === 'string')
        return show(text('end.heading'), await endQuestion(session, end, 'devices', language))
      const list = await people.sessions({ session }, session.account.id)
      const lead = text('devices.lead', { name: session.account.title })
      const items = sessionItems(list, { path: listPath('devices'), names: false, language })
      return show(text('devices.heading'), html`<p class="lead">${lead}</p>${items}`)
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
      const language = languageOf(request)
      const { text } = language
      const nameOf = (id: string) =>
        accounts.find((each) => String(each.id) === id)?.title || text('people.unnamed', { id })
      const show = (heading: string, content: Html) =>
        send(reply, { language, current: 'people', heading, content }, session)
      if (typeof end === 'string')
        return show(text('end.heading'), await endQuestion(session, end, 'people', language))
      const question = (
        heading: TextKey,
        [what, detail, yes]: readonly [TextKey, TextKey, TextKey],
        fields: Readonly<Record<string, string>>
      ) => {
        const name = nameOf(Object.values(fields)[0] ?? '')
        const words = { text: text(what, { name }), detail: text(detail), yes: text(yes), no: text('cancel') }
        return show(text(heading), ask({ ...words, fields }, 'people'))
      }
      if (isId(out)) return question('people.out', OUT, { out })
      if (isId(block)) return question('people.block-heading', BLOCK, { block })
      if (isId(unblock)) return question('people.unblock-heading', UNBLOCK, { unblock })
      const list = await people.sessions({ session }, isId(account) ? Number(account) : undefined)
      const path = listPath('people')
      return show(
        isId(account) ? text('devices.of', { name: nameOf(account) }) : text('people.heading'),
        html`${ownerTokenNotice(core.ownerTokenTrouble(), language)}${isId(account) ? null : accountItems(accounts, path, language)}
        <h2 class="apps-heading">${text('devices.heading')}</h2>${sessionItems(list, { path, names: true, language })}`
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
      const language = languageOf(request)
      const accounts = await people.accounts({ session })
      const names = new Map(accounts.map(({ id, title, username }) => [String(id), title || username]))
      const content = eventItems(events, { names, path: listPath('events'), language })
      const heading = language.text('events.heading')
      return send(reply, { language, current: 'events', heading, content }, session)
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
      const shown = seen.sessions.map(({ lastSeenAt: _, ...rest }) => rest)
      return JSON.stringify([
        shown,
        people.isOwner(session)
          ? (await people.accounts(asker)).map(({ id, blocked }) => [id, blocked])
          : null,
        core.ownerTokenTrouble()
      ])
    }
    yield 'retry: 5000\n\n'
    let before = await read()
    let restMs = LOOK_MS
    for (let looks = 1; !closing.signal.aborted && !standings.hasEnded(session); looks += 1) {
      await delay(restMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
      if (standings.hasEnded(session)) break
      const from = performance.now()
      const after = await read().catch(() => before)
      restMs = Math.max(LOOK_MS, REST_PART * (performance.now() - from))
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
