import type { SessionView } from './api.ts'
import { byId, fillAvatar, onClick } from './dom.ts'
import { tellProblem } from './notice.ts'
import { say } from './say.ts'
import { fillTime } from './times.ts'

/** Fills the signed-in panel from a session. */
export function fillAccount(session: SessionView): void {
  const { account, role, server, stale } = session
  byId('account-title').textContent = account.title
  byId('account-role').textContent = say(`role.${role}`)
  byId('account-server').textContent = server?.name ?? say('account.no-server')
  fillAvatar(byId('account-avatar'), account.title, account.thumb)
  fillTime('account-since', session.signedInAt)
  fillTime('account-idle', session.idleExpiresAt)
  fillTime('account-ends', session.expiresAt)
  byId('outage-todo').textContent = say('outage.signed-in')
  if (stale) byId('outage').hidden = false
}

/** The buttons of the signed-in panel that need a script. */
export function setUpAccount(actions: {
  readonly switchProfile: () => Promise<void>
  readonly changeServer: () => Promise<void>
}): void {
  onClick('switch-profile', actions.switchProfile, tellProblem)
  onClick('change-server', actions.changeServer, tellProblem)
}
