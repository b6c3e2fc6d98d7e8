import type { TextKey, Texts } from '../../routes/public/signin/client/texts.ts'
import { LANGUAGES, type LanguageSource } from '../../routes/public/signin/language.ts'

const [english] = LANGUAGES
if (english === undefined) throw new Error('no source')
const { texts } = english
const keys = Object.keys(texts) as TextKey[]

/** English written from right to left, and half as long again: what breaks with it would break with Arabic. */
export const MIRRORED: LanguageSource = {
  code: 'ar',
  tag: 'ar-XB',
  dir: 'rtl',
  texts: Object.fromEntries(keys.map((key) => [key, mirror(texts[key])])) as unknown as Texts
}

/** Each word turned round by a direction override; placeholders keep theirs. */
function mirror(text: string): string {
  const longer = text.length > 3 ? `${text} ·${'·'.repeat(text.length / 4)}` : text
  return longer.replace(/(\{\w+\})|[^{}\s]+/g, (word, placeholder) => placeholder ?? `\u202e${word}\u202c`)
}
