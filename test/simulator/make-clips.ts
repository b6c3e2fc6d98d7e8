// node test/simulator/make-clips.ts
// Draws the two clips of the small library into fixtures/clips: a file, HLS in several qualities, and pictures for
// seeking. Needs ffmpeg with libx264 and one font. Run once; what it writes is in the repository.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Clip {
  readonly name: string
  readonly seconds: number
  readonly gradient: string
  readonly file: 'file.mp4' | 'file.mkv'
  readonly heights: readonly number[]
  /** One expression of a sound wave for each audio stream. */
  readonly sounds: readonly string[]
}

const CLIPS: readonly Clip[] = [
  {
    name: 'tide',
    seconds: 40,
    gradient: 'seed=7:speed=0.012:nb_colors=4:c0=0x081226:c1=0x1d5c8a:c2=0x3fa7a0:c3=0x123c69',
    file: 'file.mp4',
    heights: [144, 270, 540],
    sounds: [chord(220), chord(294)]
  },
  {
    name: 'ember',
    seconds: 32,
    gradient: 'seed=3:speed=0.012:nb_colors=4:c0=0x1a0b1e:c1=0x8a2d4b:c2=0xf2784b:c3=0x3a1030',
    file: 'file.mkv',
    heights: [144, 270],
    sounds: [chord(165)]
  }
]
const FRAMES_PER_SECOND = 15
const SEGMENT_S = 4
const PREVIEW_MS = 4000

/** Three soft sines that swell every four seconds. */
function chord(hertz: number): string {
  const swell = '(0.6+0.4*sin(2*PI*t/4))'
  return [1, 1.25, 1.5].map((ratio) => `0.07*${swell}*sin(2*PI*${hertz * ratio}*t)`).join('+')
}

const picture = ({ gradient, seconds }: Clip, height: number): string[] => {
  const size = `${(height / 9) * 16}x${height}`
  const time = "drawtext=text='%{pts\\:gmtime\\:0\\:%M\\\\\\:%S}':fontsize=h/5:fontcolor=white@0.9"
  return [
    ...['-f', 'lavfi', '-i', `gradients=s=${size}:r=${FRAMES_PER_SECOND}:d=${seconds}:${gradient}`],
    ...['-vf', `${time}:x=(w-tw)/2:y=(h-th)/2,format=yuv420p`]
  ]
}
const H264 =
  `-c:v libx264 -profile:v baseline -preset veryslow -crf 30 -sc_threshold 0 -g ${FRAMES_PER_SECOND * SEGMENT_S}`.split(
    ' '
  )
const AAC = '-c:a aac -b:a 20k -ac 1'.split(' ')
const sound = ({ seconds }: Clip, wave: string): string[] => [
  '-f',
  'lavfi',
  '-i',
  `aevalsrc=exprs='${wave}':s=24000:d=${seconds}`
]
const hls = (folder: string, name: string): string[] => [
  ...`-f hls -hls_time ${SEGMENT_S} -hls_playlist_type vod -hls_segment_type fmp4 -hls_flags single_file`.split(
    ' '
  ),
  ...['-hls_segment_filename', join(folder, `${name}.m4s`), join(folder, `${name}.m3u8`)]
]

function ffmpeg(...args: readonly string[]): void {
  execFileSync('ffmpeg', ['-hide_banner', '-loglevel', 'error', '-y', '-bitexact', ...args], {
    stdio: 'inherit'
  })
}

/** Pictures of a film, one every few seconds, in Roku's BIF format, which the media server uses. */
function packPreviews(pictures: readonly Buffer[]): Buffer {
  const HEADER_BYTES = 64
  const index = Buffer.alloc((pictures.length + 1) * 8)
  let offset = HEADER_BYTES + index.length
  for (const [place, { length }] of pictures.entries()) {
    index.writeUInt32LE(place, place * 8)
    index.writeUInt32LE(offset, place * 8 + 4)
    offset += length
  }
  index.writeUInt32LE(0xffffffff, pictures.length * 8)
  index.writeUInt32LE(offset, pictures.length * 8 + 4)
  const header = Buffer.alloc(HEADER_BYTES)
  header.set([0x89, 0x42, 0x49, 0x46, 0x0d, 0x0a, 0x1a, 0x0a])
  header.writeUInt32LE(pictures.length, 12)
  header.writeUInt32LE(PREVIEW_MS, 16)
  return Buffer.concat([header, index, ...pictures])
}

for (const clip of CLIPS) {
  const folder = join(import.meta.dirname, 'fixtures/clips', clip.name)
  mkdirSync(folder, { recursive: true })
  for (const height of clip.heights)
    ffmpeg(...picture(clip, height), ...H264, ...hls(folder, `video-${height}`))
  for (const [place, wave] of clip.sounds.entries()) {
    ffmpeg(...sound(clip, wave), ...AAC, ...hls(folder, `audio-${place}`))
  }
  const inputs = clip.sounds.flatMap((wave) => sound(clip, wave))
  const maps = ['-map', '0:v', ...clip.sounds.flatMap((_, place) => ['-map', `${place + 1}:a`])]
  const [source, scaling] = [picture(clip, 270).slice(0, 4), picture(clip, 270).slice(4)]
  const fast = clip.file === 'file.mp4' ? ['-movflags', '+faststart'] : []
  ffmpeg(...source, ...inputs, ...maps, ...scaling, ...H264, ...AAC, ...fast, join(folder, clip.file))

  const scratch = mkdtempSync(join(tmpdir(), 'clips-'))
  const every = `select='not(mod(n\\,${(FRAMES_PER_SECOND * PREVIEW_MS) / 1000}))',scale=160:90`
  ffmpeg(
    '-i',
    join(folder, clip.file),
    '-vf',
    every,
    '-fps_mode',
    'passthrough',
    '-q:v',
    '8',
    join(scratch, '%03d.jpg')
  )
  const pictures = readdirSync(scratch)
    .sort()
    .map((name) => readFileSync(join(scratch, name)))
  writeFileSync(join(folder, 'previews.bif'), packPreviews(pictures))
  rmSync(scratch, { recursive: true })
}
