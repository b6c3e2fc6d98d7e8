import { ask, type Server, type SessionView } from './api.ts'
import { busy, byId, put, showPanel, stamp } from './dom.ts'
import { hush, tellProblem } from './notice.ts'
import { say } from './say.ts'

function describe({ owned, home, presence, selected }: Server): string {
  const whose = say(owned ? 'servers.own' : home ? 'servers.home' : 'servers.shared')
  if (selected) return say('servers.in-use', { whose })
  return presence ? say('servers.online', { whose }) : say('servers.offline', { whose })
}

function serverRow(server: Server): { item: DocumentFragment; button: HTMLButtonElement } {
  const item = stamp('server-row')
  const button = item.querySelector('button')
  const name = item.querySelector('b')
  const note = item.querySelector('small')
  if (button === null || name === null || note === null) throw new Error('no server row')
  name.textContent = server.name
  note.textContent = describe(server)
  return { item, button }
}

/** The server picker. Resolves to the session on the chosen server, or null if the person cancels. */
export async function pickServer(): Promise<SessionView | null> {
  const { body: servers } = await ask<readonly Server[]>('GET', '/servers')
  const isEmpty = servers.length === 0
  byId('h-servers').textContent = isEmpty ? say('servers.none-heading') : say('servers.heading')
  byId('servers-lead').textContent = isEmpty ? say('servers.none') : say('servers.lead')
  return new Promise((resolve) => {
    const choose = async ({ machineIdentifier }: Server) => {
      hush()
      resolve((await ask<SessionView>('PUT', '/server', { machineIdentifier })).body)
    }
    const rows = servers.map((server) => {
      const { item, button } = serverRow(server)
      button.addEventListener('click', () => {
        busy(button, () => choose(server)).catch(tellProblem)
      })
      return item
    })
    put(byId('servers'), ...rows)
    byId('servers-back', HTMLButtonElement).onclick = () => resolve(null)
    showPanel('servers')
  })
}
