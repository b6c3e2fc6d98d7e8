import type { FastifyInstance, RouteOptions } from 'fastify'

/**
 * An `onRoute` hook: answers HEAD wherever GET is answered, by the same handler (RFC 9110 §9.3.2). Node omits
 * the body; Fastify's own option would add a Content-Length to a 204, which RFC 9110 §8.6 forbids.
 */
export function addHeadRoute(this: FastifyInstance, route: RouteOptions & { routePath?: string }): void {
  const methods = [route.method].flat()
  if (!methods.includes('GET') || methods.includes('HEAD')) return
  const url = route.routePath ?? route.url
  this.route({ ...route, url, method: 'HEAD', schema: { ...route.schema, hide: true } })
}
