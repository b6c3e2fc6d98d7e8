import { fillAccount, setUpAccount } from './account.ts'
import { findSession, type SessionView } from './api.ts'
import { byId, settings, showPanel } from './dom.ts'
import { hush, tellProblem } from './notice.ts'
import { findHomeUsers, pickProfile } from './profiles.ts'
import { pickServer } from './servers.ts'

async function showAccount(session: SessionView): Promise<void> {
  fillAccount(session)
  showPanel('account')
  byId('switch-profile').hidden = (await findHomeUsers()).length < 2
}

/** Picks a server if the session needs one; returns the same session if the person cancels. */
async function withServer(session: SessionView): Promise<SessionView> {
  return session.server === null ? ((await pickServer()) ?? session) : session
}

function goOn(session: SessionView): Promise<void> {
  const { returnTo } = settings()
  if (returnTo === '' || (session.server === null && settings().serverChoice)) return showAccount(session)
  location.assign(returnTo)
  return Promise.resolve()
}

/** After a sign-in: choose profile and server, then continue to `returnTo`. */
export async function continueSignedIn(session: SessionView): Promise<void> {
  hush()
  fillAccount(session)
  const users = await findHomeUsers()
  const switched = users.length > 1 ? await pickProfile(users) : null
  await goOn(await withServer(switched ?? session))
}

/** The signed-in state of a page that was opened with a session. */
export async function setUpSignedIn(): Promise<void> {
  const again = async () => {
    const session = await findSession()
    if (session === null) showPanel('choose')
    else await showAccount(session)
  }
  setUpAccount({
    switchProfile: async () => {
      const switched = await pickProfile(await findHomeUsers())
      if (switched === null) await again()
      else await showAccount(await withServer(switched))
    },
    changeServer: async () => {
      const session = await pickServer()
      if (session === null) await again()
      else await showAccount(session)
    }
  })
  if (settings().firstPanel !== 'account') return
  const session = await findSession()
  if (session === null) showPanel('choose', false)
  else if (settings().fresh) await continueSignedIn(session)
  else if (session.server === null) await showAccount(await withServer(session)).catch(tellProblem)
  else await showAccount(session)
}
