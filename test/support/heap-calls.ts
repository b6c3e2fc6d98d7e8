import { createAddressMark } from '../../src/forward/hand-on.ts'
import { Manifest } from '../../src/forward/manifest.ts'
import { parseAnswer } from '../../src/plex/answer.ts'

/** What `inSmallHeap` runs. */
export function markManifest(text: string): void {
  const manifest = new Manifest(createAddressMark('/pms', '/pms/video/x/y.mpd', 't'.repeat(800)))
  manifest.scrub(Buffer.from(text))
  const { length } = manifest.flush()
  if (length < text.length) throw new Error(`${length} bytes`)
}

export function parseList(text: string): void {
  parseAnswer({ contentType: 'application/json', body: Buffer.from(`[${text}{}]`) })
}
