import { make } from './dom.ts'
import { usher } from './library.ts'

/** The page for people who are not signed in. It says why the last session ended. */
export function welcomePage(reason: string | null, onSignIn: () => void): Node[] {
  const code = make('div', { 'aria-live': 'polite' })
  // On a television: the code is entered on a phone.
  async function offerCode(): Promise<void> {
    for await (const state of usher.linkCode()) {
      if (state.status === 'signed-in') return onSignIn()
      if (state.status === 'expired') code.replaceChildren(make('p', {}, 'The code has expired.'))
      else
        code.replaceChildren(
          make(
            'p',
            {},
            `Open ${state.linkUrl} on your phone and enter `,
            make('strong', { className: 'code' }, state.code)
          )
        )
    }
  }
  return [
    make(
      'div',
      { className: 'welcome' },
      make('p', { className: 'brand' }, 'Cinema'),
      make('h1', {}, 'Everything on your shelf, tonight.'),
      reason !== null && make('p', { className: 'reason', role: 'alert' }, reason),
      make(
        'p',
        { className: 'actions' },
        make('button', { onclick: () => usher.signIn() }, 'Sign in with Plex'),
        make('button', { className: 'quiet', onclick: () => void offerCode() }, 'Use a code')
      ),
      code
    )
  ]
}
