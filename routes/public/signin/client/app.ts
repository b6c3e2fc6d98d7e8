import { byId, onClick, settings, showPanel } from './dom.ts'
import { setUpLinkCode } from './link-code.ts'
import { hush, tellProblem } from './notice.ts'
import { setUpPassword } from './password.ts'
import { setUpPlexWindow } from './plex-window.ts'
import { setUpRedirect } from './redirect.ts'
import { continueSignedIn, setUpSignedIn } from './signed-in.ts'
import { localizeTimes } from './times.ts'
import { tellBeside } from './window-word.ts'

// A reload must not repeat a past error or the step after returning from Plex.
const here = new URL(location.href)
const error = here.searchParams.get('error')
for (const name of ['error', 'fresh']) here.searchParams.delete(name)
if (here.href !== location.href) history.replaceState(null, '', here)

const { base, returnTo } = settings()
if (error !== null && returnTo === `${base}/signin?window=done`) tellBeside(error)
localizeTimes()
setUpRedirect()
const stopWindow = setUpPlexWindow(continueSignedIn)
const stopCode = setUpLinkCode(continueSignedIn)
setUpPassword(continueSignedIn)
setUpSignedIn().catch(tellProblem)

for (const back of document.querySelectorAll('[data-back]')) {
  back.addEventListener('click', () => {
    stopWindow()
    stopCode()
    hush()
    showPanel('choose')
  })
}

onClick('close-window', () => window.close(), tellProblem)
if (!byId('h-closed').closest('[hidden]')) window.close()

// Restored from the back/forward cache, the page may show a session that has ended.
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload()
})
