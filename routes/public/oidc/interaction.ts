import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { problems } from '../../schemas.ts'
import type { HousePages } from './house-pages.ts'

/** The step between an authorization request and the sign-in page, and back. */
export const oidcInteraction: FastifyPluginAsyncTypebox<{ basePath: string; pages: HousePages }> = async (
  fastify,
  { basePath, pages }
) => {
  fastify.get(
    '/oidc/interaction/:uid',
    {
      config: {
        guard: { none: 'it leads on to the sign-in, or back to the app' },
        sameOrigin: { off: 'browsers come from an app, and its cookie must fit the address' },
        limit: 'address',
        problems: { json: 'it has pages of its own' }
      },
      schema: {
        tags: ['openid'],
        summary: 'From an app to the sign-in, and from the sign-in to the app',
        params: Type.Object({ uid: Type.String({ maxLength: 100 }) }),
        response: {
          303: Type.Null({ description: 'Location leads on' }),
          400: Type.String(),
          503: Type.String(),
          ...problems(429)
        }
      }
    },
    async (request, reply) => {
      const { uid } = request.params
      const step = await request.findNextStep(uid)
      switch (step.kind) {
        case 'lost': {
          const { headers, markup } = pages.lost(request.headers)
          return reply
            .code(400)
            .headers({ ...headers, vary: 'Accept-Language' })
            .send(markup)
        }
        case 'unavailable': {
          const { headers, markup } = pages.unavailable(request.headers)
          return reply
            .code(503)
            .headers({ ...headers, vary: 'Accept-Language' })
            .send(markup)
        }
        case 'go':
          return reply.redirect(step.path, 303)
        case 'sign-in': {
          // The uid alone: an authorization request may carry 2 KB of state, more than a `returnTo` may have.
          const query = new URLSearchParams({ returnTo: `${basePath}/oidc/interaction/${uid}` })
          if (request.readSession().open) query.set('again', '1')
          return reply.redirect(`${basePath}/signin?${query}`, 303)
        }
      }
    }
  )
}
