import { byId } from './dom.ts'
import { pageLanguage } from './say.ts'

/** An instant (ISO 8601) in local time: without the day if it is today, without the year if it is this year. */
export function spellInstant(instant: string): string {
  const date = new Date(instant)
  const now = new Date()
  const today = date.toDateString() === now.toDateString()
  const day: Intl.DateTimeFormatOptions = today ? {} : { day: 'numeric', month: 'long' }
  const year: Intl.DateTimeFormatOptions = date.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' }
  const format = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...day, ...year } as const
  return new Intl.DateTimeFormat(pageLanguage(), format).format(date)
}

/** Puts an instant into a `<time>`. */
export function fillTime(id: string, instant: string): void {
  const element = byId(id, HTMLTimeElement)
  element.dateTime = instant
  element.textContent = spellInstant(instant)
}

/** Rewrites the server's UTC times to local time. */
export function localizeTimes(): void {
  for (const element of document.querySelectorAll('time')) {
    if (element.dateTime !== '') element.textContent = spellInstant(element.dateTime)
  }
}

/** The time left, as "14:05"; never negative. */
export function spellLeft(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
