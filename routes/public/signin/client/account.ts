import { ask, type SessionView } from './api.ts'
import { byId, fillAvatar, onClick, showPanel } from './dom.ts'
import { hush, tellNews, tellProblem } from './notice.ts'
import { fillTime } from './times.ts'
import { roleWords } from './words.ts'

/** Fills the signed-in panel from a session. */
export function fillAccount(session: SessionView): void {
  const { account, role, server, stale } = session
  byId('account-title').textContent = account.title
  byId('account-role').textContent = roleWords(role)
  byId('account-server').textContent = server?.name ?? 'None chosen'
  fillAvatar(byId('account-avatar'), account.title, account.thumb)
  fillTime('account-since', session.signedInAt)
  fillTime('account-idle', session.idleExpiresAt)
  fillTime('account-ends', session.expiresAt)
  byId('outage-todo').textContent = 'You stay signed in.'
  if (stale) byId('outage').hidden = false
}

async function signOut(everywhere: boolean): Promise<void> {
  await ask('POST', '/logout', { everywhere })
  showPanel('choose')
  tellNews(everywhere ? 'You are signed out on all devices.' : 'You are signed out.')
}

/** The buttons of the signed-in panel. Signing out everywhere asks for confirmation. */
export function setUpAccount(actions: {
  readonly switchProfile: () => Promise<void>
  readonly changeServer: () => Promise<void>
}): void {
  const dialog = byId('everywhere-dialog', HTMLDialogElement)
  onClick('switch-profile', actions.switchProfile, tellProblem)
  onClick('change-server', actions.changeServer, tellProblem)
  onClick('sign-out', () => signOut(false), tellProblem)
  onClick(
    'sign-out-everywhere',
    () => {
      hush()
      dialog.returnValue = ''
      dialog.showModal()
    },
    tellProblem
  )
  dialog.addEventListener('close', () => {
    if (dialog.returnValue === 'yes') signOut(true).catch(tellProblem)
  })
}
