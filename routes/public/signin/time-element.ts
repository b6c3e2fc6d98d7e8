import { type Html, html } from './html.ts'

const UTC = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'short',
  timeZone: 'UTC',
  hourCycle: 'h23'
})

/** An instant (ISO 8601) in UTC, which the script rewrites to local time. */
export function timeElement(id: string, instant: string | undefined): Html {
  if (instant === undefined) return html`<time id="${id}"></time>`
  return html`<time id="${id}" datetime="${instant}">${UTC.format(new Date(instant))} UTC</time>`
}
