import { type Html, html } from './html.ts'

/** The icons of the page, referenced by `icon()`. Strokes take the colour of the surrounding text. */
export const ICONS = html`<svg class="sprite" aria-hidden="true" focusable="false">
  <symbol id="i-window" viewBox="0 0 24 24"><rect x="3" y="4.5" width="13" height="11" rx="2"/><path d="M9 19.5h10a2 2 0 0 0 2-2V10"/></symbol>
  <symbol id="i-tv" viewBox="0 0 24 24"><rect x="3" y="5" width="18" height="12" rx="2"/><path d="M8 20.5h8"/></symbol>
  <symbol id="i-key" viewBox="0 0 24 24"><circle cx="8" cy="15.5" r="4"/><path d="m11 12.5 8-8M16 7.5l3 3"/></symbol>
  <symbol id="i-next" viewBox="0 0 24 24"><path d="m9.5 6 6 6-6 6"/></symbol>
  <symbol id="i-back" viewBox="0 0 24 24"><path d="m14.5 6-6 6 6 6"/></symbol>
  <symbol id="i-lock" viewBox="0 0 24 24"><rect x="5.5" y="10.5" width="13" height="9.5" rx="2"/><path d="M8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5"/></symbol>
  <symbol id="i-alert" viewBox="0 0 24 24"><circle cx="12" cy="12" r="8.75"/><path d="M12 7.75v5M12 16v.25"/></symbol>
  <symbol id="i-cloud" viewBox="0 0 24 24"><path d="M7 18a4 4 0 0 1-.4-8A5.5 5.5 0 0 1 17 9.2 4.4 4.4 0 0 1 17.5 18z"/><path d="m4 4 16 17"/></symbol>
  <symbol id="i-server" viewBox="0 0 24 24"><rect x="3.5" y="4.5" width="17" height="6.5" rx="2"/><rect x="3.5" y="13" width="17" height="6.5" rx="2"/><path d="M7.25 7.75h.01M7.25 16.25h.01"/></symbol>
</svg>`

export type IconName = 'window' | 'tv' | 'key' | 'next' | 'back' | 'lock' | 'alert' | 'cloud' | 'server'

/** One icon of the sprite, hidden from screen readers: the text next to it says the same. */
export function icon(name: IconName): Html {
  const turns = name === 'next' || name === 'back'
  return html`<svg class="icon${turns && ' turning'}" aria-hidden="true" focusable="false"><use href="#i-${name}"/></svg>`
}

/** An open door with light falling out: the default logo. */
export const MARK = html`<svg class="mark" viewBox="0 0 40 40" aria-hidden="true" focusable="false">
  <path class="mark-door" d="M8 30V16a12 12 0 0 1 24 0v14z"/>
  <path class="mark-hall" d="M14.5 30V17a5.5 5.5 0 0 1 11 0v13z"/>
  <path class="mark-light" d="M14.5 30h11l7.5 7H7z"/>
</svg>`
