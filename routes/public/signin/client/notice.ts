import { Refusal } from './api.ts'
import { byId, make, stamp } from './dom.ts'
import { OFFLINE, type Words, wordsFor } from './words.ts'

/** The text for an error, with the wait from Retry-After. */
export function explain(error: unknown): Words {
  if (!(error instanceof Refusal)) return wordsFor('USHER_INTERNAL')
  if (error.code === 'OFFLINE') return OFFLINE
  const { what, todo } = wordsFor(error.code)
  return error.retryAfter > 0 ? { what, todo: `Try again in ${spell(error.retryAfter)}.` } : { what, todo }
}

function spell(seconds: number): string {
  if (seconds < 100) return seconds === 1 ? 'one second' : `${Math.ceil(seconds)} seconds`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 100 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`
}

/** Shows a problem in the alert region. Adds a reference if only the operator can help. */
export function tellProblem(error: unknown): void {
  const { what, todo } = explain(error)
  const text = make('p')
  text.append(make('b', '', what), ` ${todo}`)
  const ours = error instanceof Refusal && /_(INTERNAL|INVALID|UNREACHABLE|TIMEOUT|REFUSED)$/.test(error.code)
  if (ours && error.reference !== '') text.append(make('small', 'reference', `Reference: ${error.reference}`))
  byId('problem').replaceChildren(stamp('alert-icon'), text)
  byId('news').replaceChildren()
  byId('problem').scrollIntoView({ block: 'nearest' })
}

/** Shows a message in the status region. */
export function tellNews(text: string): void {
  byId('problem').replaceChildren()
  byId('news').replaceChildren(make('p', '', text))
}

/** Clears both messages. */
export function hush(): void {
  byId('problem').replaceChildren()
  byId('news').replaceChildren()
}
