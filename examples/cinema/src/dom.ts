type Child = Node | string | null | false | undefined
type Values = Readonly<Record<string, unknown>>

/** An element with properties (`onclick`, `className`, …), attributes (what no property is called) and children. */
export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  values: Values = {},
  ...children: readonly (Child | readonly Child[])[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined || value === null || value === false) continue
    if (key in element && !key.startsWith('aria')) Object.assign(element, { [key]: value })
    else element.setAttribute(key, String(value))
  }
  element.append(...children.flat().filter((child): child is Node | string => Boolean(child)))
  return element
}

const SHAPES = {
  play: 'M7 4v16l13-8z',
  pause: 'M6 4h4v16H6zM14 4h4v16h-4z',
  sound: 'M4 9v6h4l5 5V4L8 9zM16 8a5 5 0 0 1 0 8v-2a3 3 0 0 0 0-4zM16 4a9 9 0 0 1 0 16v-2a7 7 0 0 0 0-12z',
  silence: 'M4 9v6h4l5 5V4L8 9zM15 10l2-2 2 2 2-2 1 1-2 3 2 3-1 1-2-2-2 2-2-2 2-2z',
  screen: 'M3 3h7v3H6v4H3zM14 3h7v7h-3V6h-4zM3 14h3v4h4v3H3zM18 14h3v7h-7v-3h4z',
  back: 'M14 4l2 2-6 6 6 6-2 2-8-8z'
} as const

/** Draws a shape into a button, and names it for those who do not see it. */
export function label(button: HTMLElement, shape: keyof typeof SHAPES, name: string): void {
  if (button.ariaLabel === name) return
  button.ariaLabel = name
  button.innerHTML = `<svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true"><path fill="currentColor" d="${SHAPES[shape]}"/></svg>`
}

/** 3:07, or 1:02:45. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds || 0))
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60]
  const rest = String(whole % 60).padStart(2, '0')
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`
}

/** A dialog that is gone once it is closed. */
export function openDialog(
  title: string,
  ...children: readonly (Child | readonly Child[])[]
): HTMLDialogElement {
  const dialog: HTMLDialogElement = make(
    'dialog',
    { 'aria-label': title, onclose: () => dialog.remove() },
    make('h2', {}, title),
    ...children,
    make('form', { method: 'dialog' }, make('button', { className: 'quiet' }, 'Close'))
  )
  document.body.append(dialog)
  dialog.showModal()
  return dialog
}
