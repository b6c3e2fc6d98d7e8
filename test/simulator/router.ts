import type { Answer } from './answer.ts'
import type { SimRequest } from './request.ts'

export type Handler = (request: SimRequest) => Answer | Promise<Answer>
/** Method (`*` is any), path with `{name}` for one segment and `{name*}` for the rest, handler. */
export type Route = readonly [method: string, path: string, handler: Handler]

export interface Router {
  /** The handler and its parameters; `method` if only the method is wrong; null if nothing matches. */
  find(method: string, path: string): { handler: Handler; params: Record<string, string> } | 'method' | null
}

export function createRouter(routes: readonly Route[]): Router {
  const compiled = routes.map(([method, path, handler]) => ({ method, pattern: toPattern(path), handler }))
  return {
    find: (method, path) => {
      let methodMismatch = false
      for (const route of compiled) {
        const match = route.pattern.exec(path)
        if (!match) continue
        const fits = route.method === '*' || route.method === method
        if (fits || (method === 'HEAD' && route.method === 'GET')) {
          return { handler: route.handler, params: { ...match.groups } }
        }
        methodMismatch = true
      }
      return methodMismatch ? 'method' : null
    }
  }
}

function toPattern(path: string): RegExp {
  const source = path
    .replace(/[.()+?^$|[\]\\]/g, '\\$&')
    .replace(/\{(\w+)\*\}/g, '(?<$1>.*)')
    .replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')
    .replace(/\/\*$/, '(?:/.*)?')
  return new RegExp(`^${source}/?$`)
}
