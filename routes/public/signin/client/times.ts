import { byId } from './dom.ts'

/** An instant (ISO 8601) on the reader's own clock: no day where it is today, no year where it is this one. */
export function spellInstant(instant: string): string {
  const date = new Date(instant)
  const now = new Date()
  const today = date.toDateString() === now.toDateString()
  const day: Intl.DateTimeFormatOptions = today ? {} : { day: 'numeric', month: 'long' }
  const year: Intl.DateTimeFormatOptions = date.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' }
  const format = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...day, ...year } as const
  return new Intl.DateTimeFormat('en-GB', format).format(date)
}

/** Puts an instant into a `<time>`. */
export function fillTime(id: string, instant: string): void {
  const element = byId(id, HTMLTimeElement)
  element.dateTime = instant
  element.textContent = spellInstant(instant)
}

/** Rewrites the server's UTC to the reader's clock. */
export function localizeTimes(): void {
  for (const element of document.querySelectorAll('time')) {
    if (element.dateTime !== '') element.textContent = spellInstant(element.dateTime)
  }
}

/** "14:05" for what is left; never negative. */
export function spellLeft(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
