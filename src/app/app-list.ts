import { setTimeout as delay } from 'node:timers/promises'
import type { AppList } from '../../routes/public/signin/model.ts'
import type { OpenId } from '../openid/openid.ts'
import type { Session } from '../session/session.ts'
import type { Core } from './core.ts'

/** A page does not wait longer for libraries: an app that they would decide about is missing then. */
const WAIT_MS = 1000

/** The apps that a person may open, and those that this sign-in has entered: for the signed-in page. */
export function createAppList(
  core: Pick<Core, 'config' | 'accessRules' | 'libraries'>,
  openId: Pick<OpenId, 'entered'> | null
) {
  const { config, accessRules, libraries } = core
  return async (session: Session): Promise<AppList> => {
    if (config.apps.length === 0 && openId === null) return { open: [], entered: [] }
    const { apps, oidc } = config
    const asks = apps.some(({ access }) => accessRules.asksLibraries(access))
    const accountId = session.account.id
    const names = asks
      ? await Promise.race([libraries.ask(session), delay(WAIT_MS, libraries.known(accountId))])
      : null
    const role = config.pms.url === null ? 'none' : session.role
    const person = { accountId, role, libraries: names }
    // Where the store is away the list is shorter, and the page is there.
    const entered = (await openId?.entered(session).catch(() => [])) ?? []
    return {
      open: apps
        .filter(({ access }) => accessRules.decide(access, person) === 'yes')
        .map(({ id, name, url, icon }) => ({ id, name, url, hasIcon: icon !== null })),
      entered: oidc.clients.filter(({ id }) => entered.includes(id)).map(({ name }) => name)
    }
  }
}
