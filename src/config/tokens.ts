import { Invalid } from './setting.ts'
import { isPlaceholder } from './weakness.ts'

/** An account token of plex.tv, opaque or a JWT: visible ASCII, because it is sent in a header. */
export function parsePlexToken(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new Invalid('must hold no blank, control or non-ASCII character')
  if (text.length < 16 || text.length > 4_096) throw new Invalid('must be 16 to 4096 characters')
  if (isPlaceholder(text)) throw new Invalid('is a placeholder')
  return text
}
