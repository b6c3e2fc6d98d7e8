import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Answer } from '../answer.ts'
import type { Route } from '../router.ts'
import type { Callers, PmsCaller } from './caller.ts'
import { type Catalogue, CHANGE_STAMP, CLIP_PART } from './catalogue.ts'
import { type Clip, clipPlaylist, clipSegment } from './clips.ts'
import type { PlaybackState } from './playback-state.ts'
import { container, pmsDone, pmsError } from './reply.ts'
import { streamId } from './small-library.ts'

const SEGMENTS = 3
const SEGMENT_S = 4
const RENDITION = /^(?:video-\d+|audio-\d)$/

export interface Transcode {
  readonly session: string
  readonly accountId: number
  readonly ratingKey: string
  /** What the player asked for, or the account chose: the place of an audio stream. */
  readonly audio: number
  pings: number
}

/**
 * HLS and its companions for all four kinds of media (reference/plex.md#media-server-paths). `running` has the
 * transcodes that were not stopped.
 */
export function transcodeRoutes(
  callers: Callers,
  catalogue: Catalogue,
  playback: PlaybackState,
  running: Map<string, Transcode>
): Route[] {
  return ['video', 'music', 'audio', 'subtitles'].flatMap((kind) =>
    routesOf(`/${kind}/:/transcode/universal`, callers, catalogue, playback, running)
  )
}

function routesOf(
  base: string,
  callers: Callers,
  catalogue: Catalogue,
  playback: PlaybackState,
  running: Map<string, Transcode>
): Route[] {
  const start = callers.any((request, caller) => {
    const key = /^\/library\/metadata\/(\d+)$/.exec(request.query.get('path') ?? '')?.[1]
    if (key === undefined) return pmsError(400)
    const item = catalogue.find(key)
    if (!item) return pmsError(404)
    const session = request.query.get('session') ?? request.plex('Session-Identifier') ?? randomUUID()
    const { clip } = item.details ?? {}
    const chosen = item.part ? playback.chosen(caller.account.id, item.part.id).audio : 0
    const wanted = Number(request.query.get('audioStreamID')) || chosen
    const audio = clip?.audio.findIndex((_, at) => item.part && streamId(item.part, 1 + at) === wanted) ?? 0
    const transcode = {
      session,
      accountId: caller.account.id,
      ratingKey: key,
      audio: Math.max(0, audio),
      pings: 0
    }
    running.set(session, transcode)
    if (clip) return masterPlaylist(clip, transcode, Number(request.query.get('maxVideoBitrate')) || Infinity)
    return playlist(
      `#EXTM3U\n#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=20000,RESOLUTION=120x68,CODECS="avc1.42c00a"\nsession/${session}/base/index.m3u8\n`
    )
  })
  const own = (session: string | undefined, { account }: PmsCaller): Transcode | null => {
    const transcode = running.get(session ?? '')
    return transcode?.accountId === account.id ? transcode : null
  }
  return [
    ['GET', `${base}/start.m3u8`, start],
    [
      'GET',
      `${base}/session/{session}/base/index.m3u8`,
      callers.any((request, caller) =>
        own(request.params['session'], caller) ? mediaPlaylist() : pmsError(404)
      )
    ],
    [
      'GET',
      `${base}/session/{session}/base/{segment}.ts`,
      callers.any((request, caller) => {
        const number = Number(request.params['segment'])
        if (!own(request.params['session'], caller) || !(number < SEGMENTS)) return pmsError(404)
        const file = new URL(`../fixtures/segment-${number}.mpegts`, import.meta.url)
        return { status: 200, headers: { 'Content-Type': 'video/MP2T' }, body: readFileSync(file) }
      })
    ],
    [
      'GET',
      `${base}/session/{session}/{rendition}/{file}`,
      callers.any(({ params }, caller) => {
        const transcode = own(params['session'], caller)
        const clip = transcode && catalogue.find(transcode.ratingKey)?.details?.clip
        const rendition = RENDITION.exec(params['rendition'] ?? '')?.[0]
        if (!clip || rendition === undefined) return pmsError(404)
        if (params['file'] === 'index.m3u8') return playlist(clipPlaylist(clip.name, rendition))
        const body = clipSegment(clip.name, rendition, /^(.*)\.m4s$/.exec(params['file'] ?? '')?.[1] ?? '')
        return body ? { status: 200, headers: { 'Content-Type': 'video/mp4' }, body } : pmsError(404)
      })
    ],
    [
      'GET',
      `${base}/decision`,
      callers.any((request) => {
        const key = /(\d+)$/.exec(request.query.get('path') ?? '')?.[1] ?? ''
        const item = catalogue.find(key)
        const isFile = item?.part?.id === CLIP_PART || item?.details?.clip?.container === 'mp4'
        const direct = isFile && request.query.get('directPlay') !== '0'
        return container(request, {
          size: item ? 1 : 0,
          generalDecisionCode: item ? 1000 : 3000,
          generalDecisionText: item ? 'Direct play OK.' : 'Neither direct play nor conversion is available.',
          directPlayDecisionCode: direct ? 1000 : 3000,
          directPlayDecisionText: direct ? 'Direct play OK.' : 'App cannot direct play this item.',
          transcodeDecisionCode: 1001,
          transcodeDecisionText: 'Direct play not available; Conversion OK.',
          resourceSession: `{${randomUUID()}}`,
          Metadata: item
            ? [{ ratingKey: key, title: item.title, Media: [{ Part: [{ key: partKey(item.part) }] }] }]
            : []
        })
      })
    ],
    [
      '*',
      `${base}/ping`,
      callers.any((request, caller) => {
        const transcode = own(request.query.get('session') ?? undefined, caller)
        if (!transcode) return pmsError(404)
        transcode.pings++
        return pmsDone()
      })
    ],
    [
      '*',
      `${base}/stop`,
      callers.any((request, caller) => {
        const transcode = own(request.query.get('session') ?? undefined, caller)
        if (!transcode) return pmsError(404)
        running.delete(transcode.session)
        return pmsDone()
      })
    ],
    ['POST', `${base}/fallback`, callers.any(() => pmsError(412))]
  ]
}

function partKey(part: { readonly id: number; readonly name: string } | null): string | null {
  return part && `/library/parts/${part.id}/${CHANGE_STAMP}/${part.name}`
}

/** Every quality that a player may have, and the sound that was chosen. */
function masterPlaylist(
  { qualities, audio }: Clip,
  { session, audio: place }: Transcode,
  maxKbps: number
): Answer {
  const fitting = qualities.filter(({ kbps }) => kbps <= maxKbps)
  const offered = fitting.length > 0 ? fitting : qualities.slice(-1)
  const sound = audio[place] ?? { code: 'en', language: 'English' }
  const streams = offered.map(
    ({ kbps, width, height }) =>
      `#EXT-X-STREAM-INF:BANDWIDTH=${kbps * 1500},AVERAGE-BANDWIDTH=${kbps * 1000},RESOLUTION=${width}x${height},CODECS="avc1.42c01f,mp4a.40.2",AUDIO="sound"\nsession/${session}/video-${height}/index.m3u8\n`
  )
  return playlist(
    `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="${sound.language}",LANGUAGE="${sound.code}",DEFAULT=YES,AUTOSELECT=YES,URI="session/${session}/audio-${place}/index.m3u8"\n${streams.join('')}`
  )
}

function mediaPlaylist(): Answer {
  const segments = Array.from({ length: SEGMENTS }, (_, number) => {
    const name = String(number).padStart(5, '0')
    return `#EXTINF:${SEGMENT_S}.000000,\n${name}.ts\n`
  })
  return playlist(
    `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:${SEGMENT_S}\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n${segments.join('')}#EXT-X-ENDLIST\n`
  )
}

function playlist(body: string): Answer {
  return { status: 200, headers: { 'Content-Type': 'application/vnd.apple.mpegurl' }, body }
}
