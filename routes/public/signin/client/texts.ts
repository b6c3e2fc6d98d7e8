import type en from '../languages/en.json'

export type TextKey = keyof typeof en
export type Texts = Readonly<Record<TextKey, string>>
export type Values = Readonly<Record<string, string | number>>

/** What went wrong, and what the person in front of the screen can do about it. */
export interface Words {
  readonly what: string
  readonly todo: string
}

/** A text with its `{placeholders}` replaced. */
export function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''))
}

/** A wait in words: "40 seconds". */
export function spellWait(seconds: number, language: string): string {
  const count = (amount: number, unit: 'second' | 'minute' | 'hour') =>
    new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(amount)
  const minutes = Math.ceil(seconds / 60)
  if (seconds < 100) return count(Math.ceil(seconds), 'second')
  return minutes < 100 ? count(minutes, 'minute') : count(Math.ceil(minutes / 60), 'hour')
}

/** The words for a code of the closed list; undefined for anything else. */
export function findWords(code: unknown, find: (key: string) => string | undefined): Words | undefined {
  if (typeof code !== 'string' || !/^USHER_[A-Z_]+$/.test(code)) return undefined
  const what = find(`problem.${code}.what`)
  const todo = find(`problem.${code}.todo`)
  return what === undefined || todo === undefined ? undefined : { what, todo }
}

/** Replaces a missing picture. */
export function initialOf(title: string): string {
  return [...title.trim()][0]?.toUpperCase() ?? '·'
}
