import type { FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../src/domain/problems.ts'
import type { Seal } from '../src/seal/seal.ts'

export interface RefusalLinksOptions {
  readonly seal: Pick<Seal, 'seal' | 'unseal'>
  readonly basePath: string
  readonly now: () => number
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Of the page that explains a refusal, or a code that is no problem; `who` is there where the account has a name. */
    refusalQuery(error: unknown, returnTo?: string | null): URLSearchParams
    /** The name in a seal that is a few minutes old at most; null for anything else. */
    findRefusedName(sealed: unknown): string | null
  }
}

const GOOD_FOR_MS = 5 * 60_000
const MOST_CHARS = 100

/**
 * Lets the page name the account that was refused. The name travels in Usher's own seal, so nobody can make the page
 * say anything (SECURITY rule 61), and it is in no body and no log.
 */
export default fp<RefusalLinksOptions>(
  async (fastify, { seal, basePath, now }) => {
    fastify.decorate('refusalQuery', (error: unknown, returnTo: string | null = null) => {
      if (typeof error === 'string') return toQuery(error, returnTo)
      const { code, accountName } = error instanceof Problem ? error : new Problem('USHER_INTERNAL')
      const query = toQuery(code, returnTo)
      if (accountName !== undefined)
        query.set('who', seal.seal('refused', [accountName.slice(0, MOST_CHARS), now() + GOOD_FOR_MS]))
      return query
    })

    fastify.decorate('findRefusedName', (sealed: unknown) => {
      if (typeof sealed !== 'string') return null
      const unsealed = seal.unseal('refused', sealed)
      if (typeof unsealed === 'string' || !Array.isArray(unsealed.value)) return null
      const [name, goodUntil] = unsealed.value as readonly unknown[]
      return typeof name === 'string' && typeof goodUntil === 'number' && now() < goodUntil ? name : null
    })

    // RFC 8288 §3.4.1, relation `help`: for a script, which gets the problem itself.
    fastify.addHook('onError', (_request, reply: FastifyReply, error, done) => {
      if (error instanceof Problem && error.accountName !== undefined)
        reply.header('link', `<${basePath}/signin?${fastify.refusalQuery(error)}>; rel="help"`)
      done()
    })
  },
  { name: 'refusal-links' }
)

function toQuery(error: string, returnTo: string | null): URLSearchParams {
  return new URLSearchParams({ error, ...(returnTo !== null && { returnTo }) })
}
