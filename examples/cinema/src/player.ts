import Hls from 'hls.js'
import { type Playback, type Subtitle, UsherError } from 'usher-client'
import { clock, label, make } from './dom.ts'
import { usher } from './library.ts'
import { createSeekBar } from './seek-bar.ts'
import { toWebVtt } from './subtitles.ts'

const REPORT_EVERY_S = 10
const KEEP_ALIVE_MS = 30_000
const STEP_S = 10
const IDLE_MS = 3000

export interface Player {
  readonly element: HTMLElement
  /** Stops, and shows why instead of the film, with what one can do about it. */
  stop(reason: string, remedy?: HTMLElement): void
  /** Resolves when the server knows how far the film was seen. */
  close(): Promise<void>
}

interface Choice {
  readonly audioStreamId?: number
  readonly maxBitrate?: number
  readonly startAt?: number
}

/** Kilobits per second; 0 leaves it to the line. */
const QUALITIES = [
  [0, 'Automatic'],
  [8000, '8 Mbit/s'],
  [2000, '2 Mbit/s'],
  [50, 'Small']
] as const

export async function openPlayer(ratingKey: string, startAt?: number): Promise<Player> {
  const video = make('video', { playsInline: true, preload: 'auto' })
  const notice = make('div', { className: 'notice', role: 'alert', hidden: true })
  const skip = make('button', { className: 'skip-scene', hidden: true })
  const menus = make('span', { className: 'menus' })
  const time = make('span', { className: 'time' })
  const toggle = make('button', {
    className: 'icon',
    onclick: () => (video.paused ? void video.play() : video.pause())
  })
  const mute = make('button', { className: 'icon', onclick: () => (video.muted = !video.muted) })
  const whole = make('button', { className: 'icon', onclick: fill })
  const bar = createSeekBar((seconds) => (video.currentTime = seconds))
  const heading = make('h1', {})
  const controls = make(
    'div',
    { className: 'controls' },
    bar.element,
    make('div', { className: 'row' }, toggle, mute, time, menus, whole)
  )
  const back = make('a', { className: 'icon', href: `#/title/${ratingKey}` })
  const element = make(
    'div',
    { className: 'player', tabIndex: -1 },
    video,
    make('div', { className: 'top' }, back, heading),
    skip,
    controls,
    notice
  )

  let playback: Playback
  let hls: Hls | null = null
  let choice: Choice = startAt === undefined ? {} : { startAt }
  let reportedAt = 0
  let isOver = false
  let attempts = 0
  let idle: ReturnType<typeof setTimeout> | undefined

  /** Asks the server how to play this choice, and begins. */
  async function start(): Promise<void> {
    attempts += 1
    const attempt = attempts
    const { maxBitrate = 0, ...rest } = choice
    const next = await usher.play(ratingKey, maxBitrate > 0 ? { ...rest, maxBitrate } : rest)
    // Left, or chosen differently, in the meantime.
    if (isOver || attempt !== attempts) return next.stop()
    playback = next
    heading.textContent = playback.title
    bar.show(playback)
    menus.replaceChildren(...buildMenus())
    const from = playback.startAt / 1000
    // Safari plays HLS itself, and sends only that by AirPlay.
    const isSafari = 'webkitShowPlaybackTargetPicker' in video
    if (playback.kind === 'file' || isSafari || !Hls.isSupported()) {
      video.src = playback.url
      video.addEventListener('loadedmetadata', () => (video.currentTime = from), { once: true })
    } else {
      hls = new Hls({ startPosition: from })
      hls.on(Hls.Events.ERROR, (_, { fatal }) => fatal && void explain())
      hls.loadSource(playback.url)
      hls.attachMedia(video)
    }
    // Without a gesture, browsers begin only what is silent.
    await video.play().catch(() => undefined)
  }

  function release(): void {
    hls?.destroy()
    hls = null
    video.removeAttribute('src')
    video.load()
    playback?.stop()
  }

  async function change(changes: Choice): Promise<void> {
    choice = { ...choice, ...changes, ...(video.currentTime > 0 && { startAt: video.currentTime * 1000 }) }
    release()
    await start().catch(fail)
  }

  async function report(state: 'playing' | 'paused' | 'stopped'): Promise<void> {
    if (isOver || playback === undefined || !(video.currentTime > 0)) return
    reportedAt = video.currentTime
    await usher.timeline({ ratingKey, state, time: video.currentTime * 1000, duration: playback.duration })
  }

  /** The film stopped by itself: because the session ended, which main.ts hears of, or for another reason. */
  async function explain(): Promise<void> {
    if (isOver) return
    const session = await usher.session().catch(fail)
    if (session) fail(video.error ?? new Error('The film cannot be played.'))
  }

  function fail(error: unknown): void {
    stop(error instanceof UsherError || error instanceof Error ? error.message : 'The film cannot be played.')
  }

  function stop(reason: string, remedy: HTMLElement = again()): void {
    if (isOver) return
    void report('stopped')
    isOver = true
    release()
    element.classList.add('over')
    notice.hidden = false
    notice.replaceChildren(make('h2', {}, 'Playback has stopped'), make('p', {}, reason), remedy)
    // What a remote control's OK should press.
    remedy.focus()
  }

  const again = () => make('a', { className: 'button', href: `#/title/${ratingKey}` }, 'Back to the film')

  function buildMenus(): HTMLElement[] {
    const { audio, subtitles } = playback
    const sound = audio.map(({ id, title }) => [id, title] as const)
    const words = [[0, 'No subtitles'] as const, ...subtitles.map(({ id, title }) => [id, title] as const)]
    const heard = audio.find(({ selected }) => selected)?.id ?? 0
    return [
      menu('Audio', sound, heard, (audioStreamId) => void change({ audioStreamId })),
      menu('Subtitles', words, shown?.id ?? 0, (id) => void show(subtitles.find((each) => each.id === id))),
      menu('Quality', QUALITIES, choice.maxBitrate ?? 0, (maxBitrate) => void change({ maxBitrate }))
    ]
  }

  let shown: Subtitle | undefined
  async function show(subtitle: Subtitle | undefined): Promise<void> {
    shown = subtitle
    for (const track of video.querySelectorAll('track')) track.remove()
    if (subtitle?.url == null) return
    const response = await fetch(subtitle.url, { credentials: 'include' })
    if (!response.ok) throw new Error('These subtitles cannot be loaded.')
    const text = new Blob([toWebVtt(await response.text())], { type: 'text/vtt' })
    const track = make('track', {
      kind: 'subtitles',
      srclang: subtitle.language.slice(0, 2),
      label: subtitle.title,
      src: URL.createObjectURL(text)
    })
    video.append(track)
    track.track.mode = 'showing'
    track.addEventListener('load', () => URL.revokeObjectURL(track.src), { once: true })
  }

  function fill(): void {
    void (document.fullscreenElement ? document.exitFullscreen() : element.requestFullscreen())
  }

  function press(event: KeyboardEvent): void {
    const isOnControl = event.target instanceof HTMLSelectElement || event.target instanceof HTMLInputElement
    const deeds: Record<string, () => void> = {
      ' ': () => toggle.click(),
      k: () => toggle.click(),
      m: () => mute.click(),
      f: fill,
      ArrowLeft: () => (video.currentTime -= STEP_S),
      ArrowRight: () => (video.currentTime += STEP_S),
      Escape: () => back.click()
    }
    const isButton = event.target instanceof HTMLButtonElement && event.key === ' '
    const deed = deeds[event.key]
    wake()
    if (deed === undefined || isButton || (isOnControl && event.key !== 'Escape')) return
    event.preventDefault()
    deed()
  }

  /** Controls and pointer disappear while nobody moves. */
  function wake(): void {
    clearTimeout(idle)
    element.classList.remove('idle')
    idle = setTimeout(() => element.classList.toggle('idle', !video.paused), IDLE_MS)
  }

  function draw(): void {
    const { currentTime, paused, muted } = video
    bar.move(currentTime, video.buffered.length > 0 ? video.buffered.end(video.buffered.length - 1) : 0)
    time.textContent = `${clock(currentTime)} / ${clock((playback?.duration ?? 0) / 1000)}`
    label(toggle, paused ? 'play' : 'pause', paused ? 'Play' : 'Pause')
    label(mute, muted ? 'silence' : 'sound', muted ? 'Sound on' : 'Sound off')
    const scene = playback?.scenes.find(
      ({ kind, start: from, end }) =>
        kind !== 'chapter' && currentTime * 1000 >= from && currentTime * 1000 < end - 500
    )
    skip.hidden = scene === undefined
    skip.textContent = scene?.kind === 'intro' ? 'Skip intro' : 'Skip credits'
    skip.onclick = () => (video.currentTime = (scene?.end ?? 0) / 1000)
    if (!paused && Math.abs(currentTime - reportedAt) >= REPORT_EVERY_S) void report('playing')
  }

  const leave = () => void report('stopped')
  for (const event of ['timeupdate', 'play', 'pause', 'volumechange', 'progress', 'seeked'])
    video.addEventListener(event, draw)
  video.addEventListener('pause', () => void report('paused'))
  video.addEventListener('ended', () => (location.hash = `#/title/${ratingKey}`))
  video.addEventListener('error', () => void explain())
  element.addEventListener('pointermove', wake)
  addEventListener('pagehide', leave)
  addEventListener('keydown', press)
  const keeping = setInterval(() => !isOver && video.paused && playback?.keepAlive(), KEEP_ALIVE_MS)
  label(back, 'back', 'Back')
  label(whole, 'screen', 'Full screen')
  draw()
  wake()
  void start().catch(fail)
  return {
    element,
    stop,
    close() {
      const told = report('stopped')
      isOver = true
      clearTimeout(idle)
      clearInterval(keeping)
      removeEventListener('pagehide', leave)
      removeEventListener('keydown', press)
      release()
      return told
    }
  }
}

function menu(
  name: string,
  choices: readonly (readonly [value: number, label: string])[],
  chosen: number,
  choose: (value: number) => void
): HTMLElement {
  const options = choices.map(([value, label]) =>
    make('option', { value: String(value), selected: value === chosen }, label)
  )
  const select: HTMLSelectElement = make(
    'select',
    { 'aria-label': name, title: name, onchange: () => choose(Number(select.value)) },
    options
  )
  return select
}
