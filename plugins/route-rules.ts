import type { FastifyContextConfig, FastifyInstance, preParsingAsyncHookHandler, RouteOptions } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * `session`: needs an open session. `service`: needs a service's secret. `none`: open to everybody, for this
     * reason.
     */
    guard?: 'session' | 'service' | { readonly none: string }
  }
}

/** A rule that a route names, the plugin that enforces it, and how a route says that it does without. */
interface Rule {
  readonly name: 'guard' | 'sameOrigin' | 'limit' | 'host' | 'browser' | 'grant' | 'problems'
  /** Whether every route names it. */
  readonly required: boolean
  /** The member that holds the reason where a route does without; null where a route cannot. */
  readonly waiver: string | null
  /** The plugins that enforce it, by value; `*` means every other value. */
  readonly plugins: Readonly<Record<string, readonly string[]>>
}

const RULES: readonly Rule[] = [
  {
    name: 'guard',
    required: true,
    waiver: 'none',
    plugins: { session: ['session'], service: ['service-auth'] }
  },
  {
    name: 'sameOrigin',
    required: true,
    waiver: 'off',
    plugins: { always: ['same-origin'], unsafe: ['same-origin'], form: ['same-origin'] }
  },
  {
    name: 'limit',
    required: true,
    waiver: 'none',
    plugins: { address: ['rate-limits'], account: ['rate-limits', 'session'] }
  },
  { name: 'host', required: false, waiver: 'any', plugins: {} },
  { name: 'browser', required: false, waiver: 'allowed', plugins: {} },
  { name: 'problems', required: false, waiver: 'json', plugins: {} },
  { name: 'grant', required: false, waiver: null, plugins: { '*': ['service-auth'] } }
]

/**
 * An `onRoute` hook: throws unless every rule that the route names is enforced where the route is. A rule is data in
 * `config`, so without the plugin that reads it the route would be open and nothing would say so (SECURITY rule 96).
 */
export function requireRules(this: FastifyInstance, route: RouteOptions): void {
  if (isPreflight(this, route)) return
  const problems = RULES.flatMap((rule) => check(this, rule, route.config))
  if (problems.length > 0) throw new TypeError(`${route.method} ${route.url}: ${problems.join('; ')}`)
}

function check(fastify: FastifyInstance, rule: Rule, config: FastifyContextConfig | undefined): string[] {
  const { name, required, waiver } = rule
  const value: unknown = config?.[name]
  if (value === undefined) return required ? [`${name} is not declared`] : []
  if (typeof value !== 'string') {
    const reason: unknown = waiver === null ? undefined : (value as Record<string, unknown>)[waiver]
    return typeof reason === 'string' && reason.length > 0 ? [] : [`${name} is waived without a reason`]
  }
  const plugins = rule.plugins[value] ?? rule.plugins['*']
  if (plugins === undefined) return [`${name} has no value ${value}`]
  return plugins
    .filter((plugin) => !fastify.hasPlugin(plugin))
    .map((plugin) => `${name} ${value} needs the plugin ${plugin} here`)
}

/** The only route that is not Usher's: @fastify/cors answers preflights there, and everything else with 404. */
function isPreflight(fastify: FastifyInstance, { method, url, config }: RouteOptions): boolean {
  return method === 'OPTIONS' && url === '*' && config === undefined && fastify.hasPlugin('@fastify/cors')
}

/** Adds a hook to one route, behind those that it has. Plugins do so in the order in which they are registered. */
export function addPreParsing(route: RouteOptions, hook: preParsingAsyncHookHandler): void {
  route.preParsing = [route.preParsing ?? [], hook].flat()
}
