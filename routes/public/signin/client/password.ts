import { ask, Refusal, type SessionView } from './api.ts'
import { busy, byId, onClick, showPanel } from './dom.ts'
import { hush, tellProblem } from './notice.ts'
import { say } from './say.ts'

/** The field that a refusal is about; only that one is marked. */
const FIELDS: Readonly<Record<string, string>> = {
  USHER_CREDENTIALS_REJECTED: 'password',
  USHER_EMAIL_REQUIRED: 'login',
  USHER_VERIFICATION_REJECTED: 'verification-code'
}

/** "With a password", and the verification code as a second step if Plex wants one. Stores nothing. */
export function setUpPassword(signedIn: (session: SessionView) => Promise<void>): void {
  const login = byId('login', HTMLInputElement)
  const password = byId('password', HTMLInputElement)
  const code = byId('verification-code', HTMLInputElement)
  const show = byId('show-password', HTMLButtonElement)

  const mark = (input: HTMLInputElement | undefined) => {
    for (const each of [login, password, code]) each.removeAttribute('aria-invalid')
    if (input === undefined) return
    input.setAttribute('aria-invalid', 'true')
    input.focus()
    input.select()
  }

  const reveal = (visible: boolean) => {
    password.type = visible ? 'text' : 'password'
    show.setAttribute('aria-pressed', String(visible))
    show.textContent = say(visible ? 'password.hide' : 'password.show')
  }

  const open = (name: 'password' | 'verification', input: HTMLInputElement) => {
    mark(undefined)
    code.value = ''
    showPanel(name)
    input.focus()
  }

  const send = async (inputs: readonly HTMLInputElement[]) => {
    const empty = inputs.find((input) => input.value.trim() === '')
    mark(empty)
    if (empty !== undefined) return
    hush()
    const verificationCode = inputs.includes(code) ? code.value.replace(/\s/g, '') : ''
    const { body: session } = await ask<SessionView>('POST', '/login', {
      login: login.value.trim(),
      password: password.value,
      ...(verificationCode !== '' && { verificationCode })
    })
    password.value = ''
    code.value = ''
    await signedIn(session)
  }

  const fail = (error: unknown) => {
    const refusal = error instanceof Refusal ? error.code : ''
    if (refusal === 'USHER_VERIFICATION_REQUIRED') {
      // The next step of signing in, not an error.
      byId('verification-lead').textContent = say('verification.lead', { login: login.value.trim() })
      return open('verification', code)
    }
    // With the code came a name or password that Plex takes no longer.
    if (refusal === 'USHER_CREDENTIALS_REJECTED') open('password', password)
    tellProblem(error)
    const field = FIELDS[refusal]
    mark(field === undefined ? undefined : byId(field, HTMLInputElement))
  }

  const onSubmit = (name: 'password' | 'verification', inputs: readonly HTMLInputElement[]) => {
    byId(`${name}-form`, HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      reveal(false)
      busy(byId(`${name}-submit`, HTMLButtonElement), () => send(inputs)).catch(fail)
    })
  }

  onSubmit('password', [login, password])
  onSubmit('verification', [login, password, code])
  show.addEventListener('click', () => reveal(password.type === 'password'))
  for (const [button, input] of [
    ['with-password', login],
    ['verification-back', password]
  ] as const) {
    onClick(
      button,
      () => {
        hush()
        open('password', input)
      },
      tellProblem
    )
  }
}
