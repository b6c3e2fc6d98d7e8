import { readFileSync } from 'node:fs'

export type ClipName = 'tide' | 'ember'

export interface Clip {
  readonly name: ClipName
  readonly durationMs: number
  readonly file: string
  readonly type: string
  readonly container: 'mp4' | 'mkv'
  /** Best first: kilobits per second, and the size of the picture. */
  readonly qualities: readonly { readonly kbps: number; readonly width: number; readonly height: number }[]
  readonly audio: readonly { readonly language: string; readonly code: string; readonly title: string }[]
  readonly subtitles: readonly Subtitles[]
}

export interface Subtitles {
  readonly codec: 'srt' | 'vtt' | 'ass'
  readonly language: string
  readonly code: string
  readonly title: string
}

const SUBTITLES: readonly Subtitles[] = [
  { codec: 'srt', language: 'English', code: 'en', title: 'English (SRT)' },
  { codec: 'vtt', language: 'Deutsch', code: 'de', title: 'Deutsch (VTT)' },
  { codec: 'ass', language: 'Français', code: 'fr', title: 'Français (ASS)' }
]

/** The clips that make-clips.ts has drawn. */
export const CLIPS: Readonly<Record<ClipName, Clip>> = {
  tide: {
    name: 'tide',
    durationMs: 40_000,
    file: 'file.mp4',
    type: 'video/mp4',
    container: 'mp4',
    qualities: [
      { kbps: 110, width: 960, height: 540 },
      { kbps: 60, width: 480, height: 270 },
      { kbps: 45, width: 256, height: 144 }
    ],
    audio: [
      { language: 'English', code: 'en', title: 'English (AAC Mono)' },
      { language: 'Deutsch', code: 'de', title: 'Deutsch (AAC Mono)' }
    ],
    subtitles: SUBTITLES
  },
  ember: {
    name: 'ember',
    durationMs: 32_000,
    file: 'file.mkv',
    type: 'video/x-matroska',
    container: 'mkv',
    qualities: [
      { kbps: 65, width: 480, height: 270 },
      { kbps: 45, width: 256, height: 144 }
    ],
    audio: [{ language: 'English', code: 'en', title: 'English (AAC Mono)' }],
    subtitles: SUBTITLES
  }
}

export function clipFile(clip: ClipName, name: string): Buffer {
  return readFileSync(new URL(`../fixtures/clips/${clip}/${name}`, import.meta.url))
}

/** What a stored playlist says: where the header and each segment lie in the file beside it. */
function spansOf(clip: ClipName, rendition: string): (readonly [from: number, length: number])[] {
  const playlist = clipFile(clip, `${rendition}.m3u8`).toString()
  const spans = playlist.matchAll(/BYTERANGE[:=]"?(\d+)@(\d+)/g)
  return [...spans].map(([, length, from]) => [Number(from), Number(length)])
}

/** The playlist of a rendition with one address for each segment, as a transcoder offers them. */
export function clipPlaylist(clip: ClipName, rendition: string): string {
  let segment = 0
  return clipFile(clip, `${rendition}.m3u8`)
    .toString()
    .replace(/^#EXT-X-MAP:.*$/m, '#EXT-X-MAP:URI="header.m4s"')
    .replace(/^#EXT-X-BYTERANGE:.*\n.*$/gm, () => `${String(segment++).padStart(5, '0')}.m4s`)
}

/** The header (`header`), or a segment by its number; null where there is none. */
export function clipSegment(clip: ClipName, rendition: string, name: string): Buffer | null {
  const span = spansOf(clip, rendition)[name === 'header' ? 0 : Number(name) + 1]
  if (span === undefined) return null
  const [from, length] = span
  return clipFile(clip, `${rendition}.m4s`).subarray(from, from + length)
}

/** The picture for seeking that is shown at a time; in a BIF file, an index of 8 bytes each leads to them. */
export function clipPreview(clip: ClipName, atMs: number): Buffer {
  const file = clipFile(clip, 'previews.bif')
  const place = Math.min(file.readUInt32LE(12) - 1, Math.max(0, Math.floor(atMs / file.readUInt32LE(16))))
  const [from, to] = [file.readUInt32LE(68 + place * 8), file.readUInt32LE(76 + place * 8)]
  return file.subarray(from, to)
}

const CUES: Readonly<Record<string, readonly string[]>> = {
  en: [
    'The clock starts by itself.',
    'It has no hands, so it counts.',
    'Hold on: here comes the blue part.',
    'You could have skipped this.',
    'And that is nearly all of it.'
  ],
  de: [
    'Die Uhr geht von selbst los.',
    'Sie hat keine Zeiger, also zählt sie.',
    'Moment: jetzt wird es blau.',
    'Das hätte man überspringen können.',
    'Und das war fast alles.'
  ],
  fr: [
    "L'horloge démarre toute seule.",
    "Elle n'a pas d'aiguilles, alors elle compte.",
    'Attention : voici le bleu.',
    'On aurait pu passer cette scène.',
    "Et c'est presque tout."
  ]
}
const CUE_EVERY_S = 6
const CUE_S = 4

/** The clip's subtitles, in their own format or converted. */
export function clipSubtitles({ codec, code }: Subtitles, as: Subtitles['codec'] = codec): string {
  const cues = (CUES[code] ?? []).map((text, place) => [1 + place * CUE_EVERY_S, text] as const)
  const clock = (seconds: number, mark: string): string =>
    `00:00:${String(seconds).padStart(2, '0')}${mark}000`
  if (as === 'vtt')
    return `WEBVTT\n\n${cues.map(([at, text]) => `${clock(at, '.')} --> ${clock(at + CUE_S, '.')}\n${text}\n`).join('\n')}`
  if (as === 'srt')
    return cues
      .map(
        ([at, text], n) => `${n + 1}\r\n${clock(at, ',')} --> ${clock(at + CUE_S, ',')}\r\n${text}\r\n\r\n`
      )
      .join('')
  const time = (seconds: number): string => `0:00:${String(seconds).padStart(2, '0')}.00`
  const lines = cues.map(
    ([at, text]) => `Dialogue: 0,${time(at)},${time(at + CUE_S)},Default,,0,0,0,,{\\i1}${text}{\\i0}`
  )
  return `[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n${lines.join('\n')}\n`
}
