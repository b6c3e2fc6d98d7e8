import { type HomeUser, Refusal } from './api.ts'
import { busy, byId, fillAvatar } from './dom.ts'
import { explain } from './notice.ts'
import { say } from './say.ts'

/**
 * Asks for a profile's PIN until `attempt` accepts one or the person cancels. The dialog reports a wrong PIN; any other
 * refusal closes it and rejects. Resolves to whether an attempt succeeded.
 */
export function askPin(user: HomeUser, attempt: (pin: string) => Promise<void>): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('pin-dialog')
  const form = byId('pin-form', HTMLFormElement)
  const input = byId('pin', HTMLInputElement)
  const problem = byId('pin-problem')
  const listening = new AbortController()
  const { signal } = listening

  const complain = (text: string) => {
    problem.textContent = text
    input.value = ''
    input.setAttribute('aria-invalid', String(text !== ''))
    input.focus()
  }

  byId('pin-heading').textContent = say('pin.heading-for', { name: user.title })
  fillAvatar(byId('pin-avatar'), user.title, user.thumb)
  // Safari before 15.4 has no dialogs: there it is a form at the end of the page.
  if (typeof dialog.showModal === 'function') dialog.showModal()
  else dialog.setAttribute('open', '')
  complain('')

  return new Promise<boolean>((resolve, reject) => {
    const end = (accepted: boolean) => {
      listening.abort()
      input.value = ''
      if (typeof dialog.close === 'function') dialog.close()
      else dialog.removeAttribute('open')
      resolve(accepted)
    }
    const send = async () => {
      if (!/^\d{4}$/.test(input.value)) return complain(say('pin.incomplete'))
      try {
        await attempt(input.value)
        end(true)
      } catch (error) {
        if (error instanceof Refusal && /_(PIN_REJECTED|RATE_LIMITED)$/.test(error.code)) {
          const { what, todo } = explain(error)
          return complain(`${what} ${todo}`)
        }
        reject(error)
        end(false)
      }
    }
    const submit = () => {
      busy(byId('pin-submit', HTMLButtonElement), send).catch(reject)
    }
    form.addEventListener(
      'submit',
      (event) => {
        event.preventDefault()
        submit()
      },
      { signal }
    )
    input.addEventListener(
      'input',
      () => {
        if (/^\d{4}$/.test(input.value)) submit()
      },
      { signal }
    )
    byId('pin-cancel').addEventListener('click', () => end(false), { signal })
    dialog.addEventListener('cancel', () => end(false), { signal })
  })
}
