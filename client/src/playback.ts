import type { Transport } from './transport.ts'

export interface PlayOptions {
  /** Where to begin, in milliseconds; by default where the viewer stopped. */
  readonly startAt?: number
  /** The most kilobits per second; the server transcodes what has more. */
  readonly maxBitrate?: number
  /** Ids of streams, as the metadata lists them. */
  readonly audioStreamId?: number
  readonly subtitleStreamId?: number
  /** Transcode in any case, for example because the player failed to play the file. */
  readonly transcode?: boolean
}

export interface Subtitle {
  readonly id: number
  readonly language: string
  readonly title: string
  /** WebVTT, for a `<track>`; null when it can only be burned into the picture. */
  readonly url: string | null
}

export interface Playback {
  /** `file`: `url` goes into `src`. `hls`: it is a playlist, for hls.js or a browser that plays HLS. */
  readonly kind: 'file' | 'hls'
  readonly url: string
  readonly ratingKey: string
  readonly title: string
  /** Milliseconds. */
  readonly duration: number
  readonly startAt: number
  readonly subtitles: readonly Subtitle[]
  /** Stops the transcoder; call it when the player closes. */
  stop(): void
}

interface Stream {
  readonly id: number
  readonly streamType: number
  readonly codec?: string
  readonly key?: string
  readonly language?: string
  readonly displayTitle?: string
}

interface Part {
  readonly id: number
  readonly key: string
  readonly container?: string
  readonly Stream?: readonly Stream[]
}

interface Media {
  readonly bitrate?: number
  readonly container?: string
  readonly videoCodec?: string
  readonly audioCodec?: string
  readonly Part?: readonly Part[]
}

interface Metadata {
  readonly ratingKey: string
  readonly key: string
  readonly title: string
  readonly duration?: number
  readonly viewOffset?: number
  readonly Media?: readonly Media[]
}

const VIDEO: Readonly<Record<string, string>> = {
  h264: 'avc1.640028',
  hevc: 'hvc1.1.6.L120.90',
  av1: 'av01.0.08M.08'
}
const AUDIO: Readonly<Record<string, string>> = { aac: 'mp4a.40.2', mp3: 'mp3', opus: 'opus', flac: 'flac' }

/** Whether this browser can play the file unchanged. */
function playsFile({ container, videoCodec, audioCodec }: Media): boolean {
  if (container !== 'mp4' || typeof document === 'undefined') return false
  const codecs = [VIDEO[videoCodec ?? ''], audioCodec === undefined ? undefined : AUDIO[audioCodec]]
  if (codecs[0] === undefined || (audioCodec !== undefined && codecs[1] === undefined)) return false
  const type = `video/mp4; codecs="${codecs.filter((codec) => codec !== undefined).join(', ')}"`
  return document.createElement('video').canPlayType(type) !== ''
}

/** Decides how a title is played, and builds its URLs. */
export async function play(transport: Transport, ratingKey: string, options: PlayOptions): Promise<Playback> {
  const path = `/library/metadata/${encodeURIComponent(ratingKey)}`
  const answer = await transport.ask<{ MediaContainer: { Metadata?: readonly Metadata[] } }>(
    'GET',
    `/pms${path}`
  )
  const item = answer.MediaContainer.Metadata?.[0]
  const media = item?.Media?.[0]
  const part = media?.Part?.[0]
  if (item === undefined || media === undefined || part === undefined)
    throw new TypeError('no such title, or nothing in it to play')
  const common = {
    ratingKey: item.ratingKey,
    title: item.title,
    duration: item.duration ?? 0,
    startAt: options.startAt ?? item.viewOffset ?? 0,
    subtitles: toSubtitles(transport.base, part)
  }
  const tooWide = options.maxBitrate !== undefined && (media.bitrate ?? 0) > options.maxBitrate
  const chosen = options.audioStreamId !== undefined || options.subtitleStreamId !== undefined
  if (!options.transcode && !tooWide && !chosen && playsFile(media)) {
    return { ...common, kind: 'file', url: `${transport.base}/pms${part.key}`, stop: () => undefined }
  }
  const session = crypto.randomUUID()
  const query = new URLSearchParams({
    path,
    session,
    protocol: 'hls',
    mediaIndex: '0',
    partIndex: '0',
    fastSeek: '1',
    directPlay: '0',
    directStream: '1',
    offset: String(Math.floor(common.startAt / 1000)),
    ...(options.maxBitrate !== undefined && { maxVideoBitrate: String(options.maxBitrate) }),
    ...(options.audioStreamId !== undefined && { audioStreamID: String(options.audioStreamId) }),
    ...(options.subtitleStreamId !== undefined && { subtitleStreamID: String(options.subtitleStreamId) })
  })
  const below = `${transport.base}/pms/video/:/transcode/universal`
  await transport.fetch(`/pms/video/:/transcode/universal/decision?${query}`)
  return {
    ...common,
    kind: 'hls',
    url: `${below}/start.m3u8?${query}`,
    stop() {
      transport
        .fetch(`/pms/video/:/transcode/universal/stop?session=${session}`, { keepalive: true })
        .catch(() => undefined)
    }
  }
}

const SUBTITLE = 3

function toSubtitles(base: string, part: Part): Subtitle[] {
  const streams = part.Stream?.filter(({ streamType }) => streamType === SUBTITLE) ?? []
  return streams.map(({ id, key, language, displayTitle }) => ({
    id,
    language: language ?? '',
    title: displayTitle ?? language ?? '',
    url: key === undefined ? null : `${base}/pms${key}?encoding=utf-8&format=vtt`
  }))
}
