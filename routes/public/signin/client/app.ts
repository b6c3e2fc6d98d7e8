import { setUpArrows } from './arrows.ts'
import { byId, onClick, settings, showPanel } from './dom.ts'
import { setUpLinkCode } from './link-code.ts'
import { hush, tellProblem } from './notice.ts'
import { setUpPassword } from './password.ts'
import { setUpPlexWindow } from './plex-window.ts'
import { setUpRedirect } from './redirect.ts'
import { continueSignedIn, setUpSignedIn } from './signed-in.ts'
import { localizeTimes } from './times.ts'
import { tellBeside } from './window-word.ts'

// A reload must not repeat a past problem, a farewell or the step after returning from Plex.
const here = new URL(location.href)
const error = here.searchParams.get('error')
const who = here.searchParams.get('who') ?? ''
const isNews = error !== null || here.searchParams.has('out')
for (const name of ['error', 'who', 'fresh', 'out']) here.searchParams.delete(name)
if (here.href !== location.href) history.replaceState(null, '', here)

const { base, returnTo, television, firstPanel } = settings()
if (error !== null && returnTo === `${base}/signin?window=done`) tellBeside(error, who)
localizeTimes()
setUpArrows()
setUpRedirect()
const stopWindow = setUpPlexWindow(continueSignedIn)
const code = setUpLinkCode(continueSignedIn)
setUpPassword(continueSignedIn)
setUpSignedIn().catch(tellProblem)

for (const back of document.querySelectorAll('[data-back]')) {
  back.addEventListener('click', () => {
    stopWindow()
    code.stop()
    hush()
    showPanel('choose')
  })
}

if (television) {
  // The code comes by itself: nobody types on a television. What the page has to say is read first.
  if (firstPanel === 'choose' && !isNews)
    code.begin().catch((error) => {
      showPanel(firstPanel)
      tellProblem(error)
    })
  else showPanel(firstPanel)
}

onClick('close-window', () => window.close(), tellProblem)
if (!byId('h-closed').closest('[hidden]')) window.close()

// Everything is set up: the buttons that need a script have one (old-browser.ts).
document.documentElement.dataset['scripts'] = 'run'

// Restored from the back/forward cache, the page may show a session that has ended.
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload()
})
