import { type Answer, ask, type Pin, type SessionView } from './api.ts'
import { byId, make, onClick, put, settings, showPanel } from './dom.ts'
import { explain, hush, tellProblem } from './notice.ts'
import { type Awaiting, awaitPin, dropPin } from './poll.ts'
import { drawQr } from './qr.ts'
import { say } from './say.ts'
import { spellLeft } from './times.ts'

function showCode({ body: pin }: Answer<Pin>): void {
  const letters = [...pin.code]
  const spoken = make('span', 'unseen', letters.join(' '))
  const tiles = make('span', 'tiles')
  tiles.setAttribute('aria-hidden', 'true')
  tiles.append(...letters.map((letter) => make('span', '', letter)))
  put(byId('code'), spoken, tiles)
  put(byId('qr'), drawQr(pin.linkUrl, say('code.qr')))
  const link = byId('code-link', HTMLAnchorElement)
  const { host, pathname, origin } = new URL(pin.linkUrl)
  if (!settings().television) link.href = origin + pathname
  link.textContent = host + pathname.replace(/\/$/, '')
}

function showEnded(ended: boolean): void {
  document.body.classList.toggle('code-ended', ended)
  byId('code-again').hidden = !ended
  // Only where the browser lets pages copy: over HTTPS.
  const copy = byId('code-copy')
  const hadFocus = document.activeElement === copy
  copy.hidden = ended || settings().television || navigator.clipboard === undefined
  // On a television nothing else is worth a press now.
  if (ended && (hadFocus || settings().television)) byId('code-again').focus()
}

async function copyCode(): Promise<void> {
  await navigator.clipboard.writeText(byId('code').querySelector('.tiles')?.textContent ?? '')
  byId('code-status').textContent = say('code.copied')
}

export interface LinkCode {
  begin(): Promise<void>
  stop(): void
}

/** "With a code": four letters for plex.tv/link, the same as a QR code, and a new code when they have expired. */
export function setUpLinkCode(signedIn: (session: SessionView) => Promise<void>): LinkCode {
  let awaiting: Awaiting | null = null
  let ticking = 0
  let dropped = Promise.resolve()
  const stop = () => {
    clearInterval(ticking)
    if (awaiting === null) return
    awaiting.stop()
    awaiting = null
    dropped = dropPin('link')
  }

  const tick = (endsAt: number) => {
    byId('code-left').textContent = say('code.left', { time: spellLeft(endsAt - Date.now()) })
  }

  const wait = async (answer: Answer<Pin>): Promise<void> => {
    let isTroubled = false
    const current = awaitPin('link', answer, (trouble) => {
      // Called after every poll: another message stays.
      if (trouble === null && !isTroubled) return
      isTroubled = trouble !== null
      byId('code-status').textContent =
        trouble === null ? '' : say('waiting', { what: explain(trouble).what })
    })
    awaiting = current
    const session = await current.outcome
    if (awaiting !== current) return
    awaiting = null
    clearInterval(ticking)
    if (session !== null) return signedIn(session)
    showEnded(true)
    byId('code-left').textContent = ''
    byId('code-status').textContent = say('code.expired')
  }

  const fail = (error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') return
    stop()
    showEnded(true)
    tellProblem(error)
  }

  const begin = async () => {
    stop()
    // A late response to it would clear the cookie of the new PIN.
    await dropped
    const { showing } = document.body.dataset
    const answer = await ask<Pin>('POST', '/pin', { kind: 'link' })
    // Meanwhile the person chose another way, and may be typing a password.
    if (document.body.dataset['showing'] !== showing) {
      dropped = dropPin('link')
      return
    }
    hush()
    showCode(answer)
    showEnded(false)
    byId('code-status').textContent = ''
    showPanel('code')
    const endsAt = Date.now() + Date.parse(answer.body.expiresAt) - answer.sentAt
    tick(endsAt)
    ticking = setInterval(() => tick(endsAt), 1000)
    wait(answer).catch(fail)
  }

  onClick('with-code', begin, tellProblem)
  onClick('code-again', begin, tellProblem)
  onClick('code-copy', copyCode, () => undefined)
  return { begin, stop }
}
