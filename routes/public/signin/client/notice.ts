import { Refusal } from './api.ts'
import { byId, make, put, settings, stamp } from './dom.ts'
import { pageLanguage, say, wordsFor } from './say.ts'
import { spellWait, type Words } from './texts.ts'

/** Refusals of an account: the server has a page for them, which names the account. */
const OF_ACCOUNTS = ['USHER_SERVER_ACCESS_DENIED', 'USHER_ACCOUNT_BLOCKED', 'USHER_TWO_FACTOR_REQUIRED']

/** The text for an error, with the wait from Retry-After. */
export function explain(error: unknown): Words {
  if (!(error instanceof Refusal)) return wordsFor('USHER_INTERNAL')
  if (error.code === 'OFFLINE')
    return { what: say('problem.offline.what'), todo: say('problem.offline.todo') }
  const { what, todo } = wordsFor(error.code)
  return error.retryAfter > 0
    ? { what, todo: say('again-in', { wait: spellWait(error.retryAfter, pageLanguage()) }) }
    : { what, todo }
}

/** Shows a problem in the alert region. Adds a reference if only the operator can help. */
export function tellProblem(error: unknown): void {
  if (error instanceof Refusal && OF_ACCOUNTS.includes(error.code) && settings().firstPanel !== 'account') {
    goToRefusal(error)
    return
  }
  const { what, todo } = explain(error)
  const text = make('p')
  text.append(make('b', '', what), ` ${todo}`)
  const ours = error instanceof Refusal && /_(INTERNAL|INVALID|UNREACHABLE|TIMEOUT|REFUSED)$/.test(error.code)
  if (ours && error.reference !== '')
    text.append(make('small', 'reference', say('reference', { reference: error.reference })))
  put(byId('problem'), stamp('alert-icon'), text)
  put(byId('news'))
  byId('problem').scrollIntoView({ block: 'nearest' })
}

function goToRefusal({ code, who }: Refusal): void {
  const { base, returnTo } = settings()
  const query = new URLSearchParams({
    error: code,
    ...(who !== '' && { who }),
    ...(returnTo !== '' && { returnTo })
  })
  location.assign(`${base}/signin?${query}`)
}

/** Clears both messages. */
export function hush(): void {
  put(byId('problem'))
  put(byId('news'))
}
