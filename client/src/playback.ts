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

export interface AudioTrack {
  readonly id: number
  readonly language: string
  readonly title: string
  /** Whether this one is heard. */
  readonly selected: boolean
}

/** A chapter, or a `kind` of scene that a player offers to skip; in milliseconds. */
export interface Scene {
  readonly kind: 'chapter' | 'intro' | 'credits'
  readonly title: string
  readonly start: number
  readonly end: number
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
  readonly audio: readonly AudioTrack[]
  readonly subtitles: readonly Subtitle[]
  readonly scenes: readonly Scene[]
  /** The URL of a small picture of that time, for a seek bar; null where the server has made none. */
  preview(milliseconds: number): string | null
  /** Tells the transcoder that the player waits; call it twice a minute while paused, or the server gives the film up. */
  keepAlive(): void
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
  readonly selected?: boolean
}

interface Part {
  readonly id: number
  readonly key: string
  readonly container?: string
  readonly indexes?: string
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
  readonly Chapter?: readonly Span[]
  readonly Marker?: readonly Span[]
}

interface Span {
  readonly tag?: string
  readonly type?: string
  readonly startTimeOffset: number
  readonly endTimeOffset: number
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

const AUDIO_STREAM = 2
const SUBTITLE_STREAM = 3
/** Of the media server's decisions, those below play. */
const REFUSALS_FROM = 2000
const PREVIEW_MS = 1000

/** Decides how a title is played, and builds its URLs. */
export async function play(transport: Transport, ratingKey: string, options: PlayOptions): Promise<Playback> {
  const path = `/library/metadata/${encodeURIComponent(ratingKey)}`
  const { ask, base } = transport
  const page = `/pms${path}?includeChapters=1&includeMarkers=1`
  const answer = await ask<{ MediaContainer: { Metadata?: readonly Metadata[] } }>('GET', page)
  const item = answer.MediaContainer.Metadata?.[0]
  const media = item?.Media?.[0]
  const part = media?.Part?.[0]
  if (item === undefined || media === undefined || part === undefined)
    throw new TypeError('no such title, or nothing in it to play')
  const sounds = part.Stream?.filter(({ streamType }) => streamType === AUDIO_STREAM) ?? []
  const heard = options.audioStreamId ?? sounds.find(({ selected }) => selected)?.id ?? sounds[0]?.id
  const common = {
    ratingKey: item.ratingKey,
    title: item.title,
    duration: item.duration ?? 0,
    startAt: options.startAt ?? item.viewOffset ?? 0,
    audio: sounds.map((stream) => ({ ...describe(stream), selected: stream.id === heard })),
    subtitles: toSubtitles(base, part),
    scenes: toScenes(item),
    preview: (milliseconds: number) =>
      part.indexes === undefined
        ? null
        : `${base}/pms/library/parts/${part.id}/indexes/sd/${Math.floor(milliseconds / PREVIEW_MS) * PREVIEW_MS}`
  }
  const tooWide = options.maxBitrate !== undefined && (media.bitrate ?? 0) > options.maxBitrate
  // Of a file, browsers play the first sound only, and no subtitles that are inside.
  const asItIs = options.subtitleStreamId === undefined && heard === sounds[0]?.id
  if (!options.transcode && !tooWide && asItIs && playsFile(media)) {
    return { ...common, kind: 'file', url: `${base}/pms${part.key}`, keepAlive() {}, stop() {} }
  }
  // `crypto.randomUUID` is missing on plain HTTP, which home networks use.
  const session = [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join('')
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
    ...(heard !== undefined && { audioStreamID: String(heard) }),
    ...(options.subtitleStreamId !== undefined && { subtitleStreamID: String(options.subtitleStreamId) })
  })
  const below = '/pms/video/:/transcode/universal'
  function tell(verb: 'ping' | 'stop'): void {
    transport.fetch(`${below}/${verb}?session=${session}`, { keepalive: true }).catch(() => undefined)
  }
  const decision = await ask<{ MediaContainer: Decision }>('GET', `${below}/decision?${query}`)
  const { generalDecisionCode = 0, generalDecisionText } = decision.MediaContainer
  if (generalDecisionCode >= REFUSALS_FROM) throw new TypeError(generalDecisionText)
  return {
    ...common,
    kind: 'hls',
    url: `${base}${below}/start.m3u8?${query}`,
    keepAlive: () => tell('ping'),
    stop: () => tell('stop')
  }
}

interface Decision {
  readonly generalDecisionCode?: number
  readonly generalDecisionText?: string
}

function describe({ id, language, displayTitle }: Stream) {
  return { id, language: language ?? '', title: displayTitle ?? language ?? '' }
}

function toSubtitles(base: string, part: Part): Subtitle[] {
  const streams = part.Stream?.filter(({ streamType }) => streamType === SUBTITLE_STREAM) ?? []
  return streams.map((stream) => ({
    ...describe(stream),
    url: stream.key === undefined ? null : `${base}/pms${stream.key}?encoding=utf-8&format=vtt`
  }))
}

function toScenes({ Chapter = [], Marker = [] }: Metadata): Scene[] {
  const markers = Marker.filter(({ type }) => type === 'intro' || type === 'credits')
  return [...Chapter, ...markers].map(({ tag, type, startTimeOffset, endTimeOffset }) => ({
    kind: (type ?? 'chapter') as Scene['kind'],
    title: tag ?? '',
    start: startTimeOffset,
    end: endTimeOffset
  }))
}
