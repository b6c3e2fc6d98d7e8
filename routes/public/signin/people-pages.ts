import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Core } from '../../../src/app/core.ts'
import { wantsPage } from '../../../src/domain/navigation.ts'
import { Problem } from '../../../src/domain/problems.ts'
import { isTelevision } from '../../../src/domain/televisions.ts'
import type { Session } from '../../../src/session/session.ts'
import { parseForms } from '../../forms.ts'
import { problems } from '../../schemas.ts'
import type { TextKey } from './client/texts.ts'
import { type Html, html } from './html.ts'
import type { Language, Languages } from './language.ts'
import { liveNews } from './live-news.ts'
import {
  accountItems,
  deviceInPhrase,
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

/** *Devices*, *People* and *Events*: complete without scripts, live with them (docs/people.md). */
export const peoplePages: FastifyPluginAsync<PeoplePagesOptions> = async (fastify, options) => {
  const { core, assetsPath, sendHtml, languages } = options
  const { people, standings, config } = core
  const { basePath } = config.publicUrl
  const brandNow = () => {
    const { name, logo } = config.brand
    return { name, logoPath: logo === null ? null : `${basePath}/signin/logo` }
  }
  parseForms(fastify)
  await fastify.register(liveNews, { core })

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

  const listPath = (list: NonNullable<ListPage['current']>) => `${basePath}/signin/${list}`

  // A person who is signed in keeps the menu of these pages; everybody else gets the problem as elsewhere.
  fastify.setErrorHandler((error, request, reply) => {
    const read = request.readSession()
    const isSaid = error instanceof Problem && (error.status === 403 || error.status === 404)
    if (!isSaid || !read.open || !wantsPage(request.method, request.headers)) throw error
    const language = languageOf(request)
    const { text } = language
    const isDenied = error.status === 403
    const [heading, todo] = isDenied
      ? [text('denied.heading'), text('denied.todo')]
      : [text('problem.USHER_NOT_FOUND.what').replace(/\.$/, ''), text('problem.USHER_NOT_FOUND.todo')]
    const content = html`<p class="lead">${todo}</p>
    ${isDenied && html`<p class="row"><a class="button" id="another" href="${basePath}/signin?again=1">${text('refused.another')}</a></p>`}`
    return send(reply.code(error.status), { language, current: null, heading, content }, read.live.session)
  })

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
    const nameless = text(found.current ? 'end.this-device' : 'end.unknown-device')
    const device = deviceInPhrase(found.device.name, language) ?? nameless
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
        ${isId(account) ? null : html`<h2 class="apps-heading">${text('devices.heading')}</h2>`}${sessionItems(list, { path, names: true, language })}`
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
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[1-9]\d{0,15}$/.test(value)
}
