import { UsherError } from 'usher-client'
import { make, openDialog } from './dom.ts'
import { usher } from './library.ts'

/** Where the account is signed in, with a button that ends each. */
export async function devicesPage(): Promise<Node[]> {
  const sessions = await usher.sessions()
  const rows = sessions.map(({ handle, current, account, device, network, lastSeenAt, streams }) => {
    const watching = streams.find(({ kind }) => kind === 'media')
    const row: HTMLLIElement = make(
      'li',
      {},
      make('strong', {}, device.name || 'A device'),
      make(
        'span',
        { className: 'facts' },
        `${account.title} · ${network} · ${new Date(lastSeenAt).toLocaleString()}`
      ),
      watching !== undefined &&
        make('span', { className: 'facts' }, `Watching ${watching.title ?? 'something'}`),
      current
        ? make('span', { className: 'badge' }, 'This device')
        : make('button', {
            className: 'quiet',
            textContent: 'End',
            'aria-label': `End the session on ${device.name}`,
            onclick: async () => {
              await usher.endSession(handle)
              row.remove()
            }
          })
    )
    return row
  })
  const everywhere = make('button', {
    className: 'quiet',
    textContent: 'Sign out everywhere',
    onclick: () => void usher.signOut({ everywhere: true }).then(() => location.assign('#/'))
  })
  return [
    make('h1', {}, 'Devices'),
    make('ul', { className: 'rows' }, rows),
    make('p', { className: 'actions' }, everywhere)
  ]
}

/** The profiles of a Plex Home; a protected one asks for its PIN. */
export async function chooseProfile(onSwitch: () => void): Promise<void> {
  const profiles = await usher.profiles()
  const problem = make('p', { role: 'alert' })
  async function change(uuid: string, isProtected: boolean): Promise<void> {
    const pin = isProtected ? await askPin() : undefined
    if (isProtected && pin === undefined) return
    try {
      await usher.switchProfile(uuid, pin)
      dialog.close()
      onSwitch()
    } catch (error) {
      problem.textContent = error instanceof UsherError ? error.message : 'That did not work.'
    }
  }
  const faces = profiles.map(({ uuid, title, current, protected: isProtected }) =>
    make(
      'button',
      { className: 'face', disabled: current, onclick: () => void change(uuid, isProtected) },
      make('span', { 'aria-hidden': 'true' }, [...title][0] ?? '?'),
      `${title}${isProtected ? ' 🔒' : ''}`
    )
  )
  const dialog = openDialog('Who is watching?', make('div', { className: 'faces' }, faces), problem)
}

function askPin(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const field = make('input', {
      inputMode: 'numeric',
      autocomplete: 'off',
      maxLength: 4,
      required: true,
      'aria-label': 'PIN',
      type: 'password'
    })
    const form = make(
      'form',
      {
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault()
          resolve(field.value)
          dialog.close()
        }
      },
      field,
      make('button', {}, 'Continue')
    )
    const dialog = openDialog('PIN of this profile', form)
    dialog.addEventListener('close', () => resolve(undefined))
  })
}
