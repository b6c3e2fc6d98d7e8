import type { Playback } from 'usher-client'
import { clock, make } from './dom.ts'

export interface SeekBar {
  readonly element: HTMLElement
  show(playback: Playback): void
  /** In seconds. */
  move(current: number, buffered: number): void
}

/** A range with marks for chapters, and a picture of the time under the pointer. */
export function createSeekBar(seek: (seconds: number) => void): SeekBar {
  let playback: Playback | null = null
  const range = make('input', {
    type: 'range',
    min: '0',
    max: '1',
    step: '1',
    value: '0',
    'aria-label': 'Position',
    oninput: () => {
      preview(Number(range.value))
      seek(Number(range.value))
    },
    onblur: hide,
    onpointerleave: hide,
    onpointermove: ({ offsetX }: PointerEvent) => preview((offsetX / range.clientWidth) * Number(range.max))
  })
  const picture = make('img', { alt: '', width: 160, height: 90 })
  const caption = make('span')
  const bubble = make('div', { className: 'bubble', hidden: true, 'aria-hidden': 'true' }, picture, caption)
  const marks = make('div', { className: 'marks' })

  function hide(): void {
    bubble.hidden = true
  }

  function preview(seconds: number): void {
    const at = Math.min(Math.max(0, seconds), Number(range.max))
    const address = playback?.preview(at * 1000) ?? null
    const chapter = playback?.scenes.findLast(({ kind, start }) => kind === 'chapter' && start <= at * 1000)
    picture.hidden = address === null
    if (address !== null && picture.src !== address) picture.src = address
    caption.textContent = [clock(at), chapter?.title ?? ''].join(' ').trim()
    bubble.style.setProperty('--at', String(at / Number(range.max)))
    bubble.hidden = false
  }

  return {
    element: make('div', { className: 'seek' }, bubble, marks, range),
    show(next) {
      playback = next
      range.max = String(Math.floor(next.duration / 1000) || 1)
      const starts = next.scenes.filter(({ kind, start }) => kind === 'chapter' && start > 0)
      marks.replaceChildren(
        ...starts.map(({ start }) => {
          const mark = make('i')
          mark.style.setProperty('--at', String(start / next.duration))
          return mark
        })
      )
    },
    move(current, buffered) {
      range.value = String(Math.floor(current))
      range.setAttribute('aria-valuetext', clock(current))
      range.style.setProperty('--done', String(current / Number(range.max)))
      range.style.setProperty('--loaded', String(buffered / Number(range.max)))
    }
  }
}
