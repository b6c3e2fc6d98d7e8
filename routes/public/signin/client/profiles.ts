import { ask, type HomeUser, type SessionView } from './api.ts'
import { busy, byId, fillAvatar, make, put, showPanel, stamp } from './dom.ts'
import { hush, tellProblem } from './notice.ts'
import { askPin } from './pin-dialog.ts'
import { say } from './say.ts'

/** The profiles of this account's Plex Home; none if there is no Home or it cannot be read now. */
export async function findHomeUsers(): Promise<readonly HomeUser[]> {
  try {
    return (await ask<{ users: readonly HomeUser[] }>('GET', '/home')).body.users
  } catch {
    // The picker is optional: a sign-in does not fail because plex.tv cannot list the Home.
    return []
  }
}

function describe({ admin, restricted, current }: HomeUser): string {
  if (current) return say('profiles.current')
  if (admin) return say('profiles.admin')
  return restricted ? say('profiles.managed') : ''
}

function personButton(user: HomeUser): HTMLButtonElement {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'person'
  const avatar = make('span', 'avatar')
  avatar.setAttribute('aria-hidden', 'true')
  fillAvatar(avatar, user.title, user.thumb)
  const name = make('b', '', user.title)
  const note = make('small', '', describe(user))
  button.append(avatar, name, note)
  if (user.protected && !user.current) {
    const lock = make('span', 'lock')
    lock.append(stamp('lock'), make('span', 'unseen', say('profiles.protected')))
    button.append(lock)
  }
  return button
}

/** The profile picker. Resolves to the session of the chosen profile, or null to keep the current one. */
export function pickProfile(users: readonly HomeUser[]): Promise<SessionView | null> {
  return new Promise((resolve) => {
    const choose = async (user: HomeUser) => {
      hush()
      if (user.current) return resolve(null)
      const change = async (pin?: string) => {
        const body = pin === undefined ? { uuid: user.uuid } : { uuid: user.uuid, pin }
        resolve((await ask<SessionView>('POST', '/home/switch', body)).body)
      }
      if (user.protected) await askPin(user, change)
      else await change()
    }
    const items = users.map((user) => {
      const button = personButton(user)
      button.addEventListener('click', () => {
        busy(button, () => choose(user)).catch(tellProblem)
      })
      const item = make('li')
      item.append(button)
      return item
    })
    put(byId('profiles'), ...items)
    const current = users.find((user) => user.current)
    const skip = byId('profiles-skip', HTMLButtonElement)
    skip.textContent =
      current === undefined ? say('profiles.skip') : say('profiles.stay', { name: current.title })
    skip.onclick = () => resolve(null)
    showPanel('profiles')
  })
}
