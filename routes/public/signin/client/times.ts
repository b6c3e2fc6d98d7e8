import { byId } from './dom.ts'

/** An instant (ISO 8601) on the reader's own clock, the day left out when it is today. */
export function spellInstant(instant: string): string {
  const date = new Date(instant)
  const today = date.toDateString() === new Date().toDateString()
  const options: Intl.DateTimeFormatOptions = today
    ? { hour: '2-digit', minute: '2-digit' }
    : { day: 'numeric', month: 'long', hour: '2-digit', minute: '2-digit' }
  const text = new Intl.DateTimeFormat(['en-GB'], { hourCycle: 'h23', ...options }).format(date)
  return today ? `today, ${text}` : text
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
    if (element.dateTime !== '') element.textContent = spellInstant(element.dateTime).replace(/^today, /, '')
  }
}

/** "14:05" for what is left; never negative. */
export function spellLeft(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
