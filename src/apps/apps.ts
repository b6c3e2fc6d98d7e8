import type { Config } from '../config/config.ts'
import { normalHost } from '../domain/origins.ts'

export type App = Config['apps'][number]

/** The apps behind forward-auth, by their ids and by the hosts that a proxy serves them at. */
export interface Apps {
  find(id: string): App | null
  /** `host` as a request or a proxy names it, with a port where it is not the default. */
  ofHost(host: string): App | null
  /** Whether any app is known by a host. */
  readonly haveHosts: boolean
  /**
   * The headers of an app: every name that any app has, empty where it is not this one's. A proxy then overwrites
   * what a client sent under such a name, whatever the answer.
   */
  headersOf(app: App | null): Readonly<Record<string, string>>
  /** These take the place of all apps. */
  replace(apps: readonly App[]): void
}

export function createApps({ apps }: Pick<Config, 'apps'>): Apps {
  let { byId, byHost, none } = toIndex(apps)
  return {
    find: (id) => byId.get(id) ?? null,
    ofHost(host) {
      // As the setting has them: of `https:`, whose default port is not written, and without that of `http:`.
      const normal = normalHost(host, 'https')?.replace(/:80$/, '')
      return normal === undefined ? null : (byHost.get(normal) ?? null)
    },
    get haveHosts() {
      return byHost.size > 0
    },
    headersOf: (app) => (app === null ? none : { ...none, ...app.headers }),
    replace(next) {
      ;({ byId, byHost, none } = toIndex(next))
    }
  }
}

function toIndex(apps: readonly App[]) {
  return {
    byId: new Map(apps.map((app) => [app.id, app])),
    byHost: new Map(apps.flatMap((app) => app.hosts.map((host) => [host, app] as const))),
    none: Object.fromEntries(
      apps.flatMap(({ headers }) => Object.keys(headers).map((name) => [name, '']))
    ) as Readonly<Record<string, string>>
  }
}
