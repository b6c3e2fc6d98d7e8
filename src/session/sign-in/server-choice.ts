import { Problem } from '../../domain/problems.ts'
import type { Account } from '../../plex/account.ts'
import { type ChooseOptions, chooseConnection } from '../../plex/connections.ts'
import type { PlexTv } from '../../plex/plex-tv.ts'
import { isServer, type Resource } from '../../plex/resources.ts'
import { type AdmissionRules, admit, withAdmission } from '../check/admission.ts'
import type { Session } from '../session.ts'
import { freshId } from './start-session.ts'

export interface ServerView {
  readonly name: string
  readonly machineIdentifier: string
  readonly owned: boolean
  readonly home: boolean
  readonly presence: boolean
  readonly selected: boolean
  readonly connections: { readonly uri: string; readonly local: boolean; readonly relay: boolean }[]
}

export interface ServerChoice {
  /** The servers that the session's account may use; the chosen one is `selected`. */
  list(session: Session): Promise<ServerView[]>
  /**
   * The same session at another server, under a fresh id. The connection is proven by `/identity` before any token is
   * sent there. Throws USHER_SERVER_ACCESS_DENIED if the account may not choose that server.
   */
  choose(session: Session, machineIdentifier: string): Promise<Session>
}

export interface ServerChoiceOptions {
  readonly config: AdmissionRules
  readonly plexTv: Pick<PlexTv, 'resources' | 'account'>
  /** The deployment's one server; null if sessions choose. */
  readonly machineId: () => Promise<string | null>
  readonly connect: ChooseOptions
  readonly now: () => number
}

/** The choice of a server, if the deployment names none (reference/http.md#servers). */
export function createServerChoice(options: ServerChoiceOptions): ServerChoice {
  const { config, plexTv, machineId, connect, now } = options

  async function serversOf(session: Session): Promise<readonly Resource[]> {
    const resources = await plexTv.resources(session.accountToken, session.clientIdentifier)
    return resources.filter((resource) => isServer(resource) && resource.accessToken !== null)
  }

  return {
    async list(session) {
      const servers = await serversOf(session)
      return servers.map((server) => ({
        name: server.name,
        machineIdentifier: server.machineIdentifier,
        owned: server.owned,
        home: server.home,
        presence: server.presence,
        selected: server.machineIdentifier === session.server?.machineIdentifier,
        connections: server.connections.map(({ uri, local, relay }) => ({ uri, local, relay }))
      }))
    },

    async choose(session, machineIdentifier) {
      const fixed = await machineId()
      if (fixed !== null && fixed !== machineIdentifier) throw new Problem('USHER_SERVER_ACCESS_DENIED')
      const [account, servers]: [Account, readonly Resource[]] = await Promise.all([
        plexTv.account(session.accountToken, session.clientIdentifier),
        serversOf(session)
      ])
      const server = servers.find((candidate) => candidate.machineIdentifier === machineIdentifier)
      if (server === undefined) throw new Problem('USHER_SERVER_ACCESS_DENIED')
      const admission = admit(config, account, servers, machineIdentifier)
      const uri = fixed === null ? (await chooseConnection(server, connect)).uri : null
      const chosen = withAdmission({ ...session, id: freshId() }, admission, now())
      return chosen.server === null ? chosen : { ...chosen, server: { ...chosen.server, uri } }
    }
  }
}
