import { ask, Refusal, type SessionView } from './api.ts'
import { busy, byId, onClick, showPanel } from './dom.ts'
import { hush, tellNews, tellProblem } from './notice.ts'
import { wordsFor } from './words.ts'

/** The field that a refusal is about; only that one is marked. */
const FIELDS: Readonly<Record<string, string>> = {
  USHER_CREDENTIALS_REJECTED: 'password',
  USHER_EMAIL_REQUIRED: 'login',
  USHER_VERIFICATION_REQUIRED: 'verification-code',
  USHER_VERIFICATION_REJECTED: 'verification-code'
}

/** "With a password": asks for a verification code only if Plex wants one. Stores nothing. */
export function setUpPassword(signedIn: (session: SessionView) => Promise<void>): void {
  const login = byId('login', HTMLInputElement)
  const password = byId('password', HTMLInputElement)
  const code = byId('verification-code', HTMLInputElement)
  const verification = byId('verification')
  const show = byId('show-password', HTMLButtonElement)
  const inputs = [login, password, code]

  const mark = (input: HTMLInputElement | undefined) => {
    for (const each of inputs) each.removeAttribute('aria-invalid')
    if (input === undefined) return
    input.setAttribute('aria-invalid', 'true')
    input.focus()
    input.select()
  }

  const reveal = (visible: boolean) => {
    password.type = visible ? 'text' : 'password'
    show.setAttribute('aria-pressed', String(visible))
    show.textContent = visible ? 'Hide' : 'Show'
  }

  const send = async () => {
    const empty = inputs.find(
      (input) => input.value.trim() === '' && (input !== code || !verification.hidden)
    )
    mark(empty)
    if (empty !== undefined) return
    hush()
    const verificationCode = verification.hidden ? '' : code.value.replace(/\s/g, '')
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
    if (error instanceof Refusal && error.code === 'USHER_VERIFICATION_REQUIRED' && verification.hidden) {
      // The next step of signing in, not an error: no field is marked.
      const { what, todo } = wordsFor(error.code)
      verification.hidden = false
      tellNews(`${what} ${todo}`)
      mark(undefined)
      code.focus()
      return
    }
    tellProblem(error)
    if (!(error instanceof Refusal)) return
    const field = FIELDS[error.code]
    mark(field === undefined ? undefined : byId(field, HTMLInputElement))
  }

  byId('password-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
    reveal(false)
    busy(byId('password-submit', HTMLButtonElement), send).catch(fail)
  })
  show.addEventListener('click', () => reveal(password.type === 'password'))
  onClick(
    'with-password',
    () => {
      hush()
      verification.hidden = true
      mark(undefined)
      showPanel('password')
      login.focus()
    },
    tellProblem
  )
}
