import type { AccountKey } from '../accounts.ts'
import type { Answer } from '../answer.ts'
import { posterPng } from '../poster.ts'
import type { SimRequest } from '../request.ts'
import type { Route } from '../router.ts'
import type { World } from '../world.ts'
import { escapeXml } from '../xml.ts'
import { htmlAnswer, jsonAnswer, plexError } from './reply.ts'

/** Pages for people: app.plex.tv's sign-in page, the link page, pictures. */
export function pageRoutes(world: World): Route[] {
  return [
    ['GET', '/auth', () => authPage(world)],
    ['GET', '/link', (request) => linkPage(world, request.field('pin') ?? '', '')],
    ['POST', '/link', (request) => submitLink(world, request)],
    ['POST', '/simulator/claim', (request) => claim(world, request)],
    ['GET', '/users/{uuid}/avatar', (request) => avatar(world, request)],
    ['GET', '/api/v2/pins/qr/{code}', (request) => picture(request.params['code'] ?? '')]
  ]
}

function accountButtons(world: World): string {
  return world.accounts.all
    .filter(({ home }) => home !== 'managed' && home !== 'guest')
    .map(
      ({ key, title, shows }) =>
        `<p><button data-account="${key}" title="${escapeXml(shows)}">Sign in as ${key}</button> <small>${escapeXml(title.slice(0, 40))}</small></p>`
    )
    .join('\n')
}

// The parameters follow `#?` or `#!?`, so only a script sees them (reference/plex.md#sign-in-page).
function authPage(world: World): Answer {
  const page = htmlAnswer(
    200,
    `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to Plex (simulator)</title></head>
<body><main>
<h1>Sign in to Plex</h1>
<p>Simulator of app.plex.tv. <span id="product"></span> asks for access.</p>
${accountButtons(world)}
<p><button id="cancel">Cancel</button></p>
<p id="message" role="status"></p>
</main>
<script>
const parameters = new URLSearchParams(location.hash.replace(/^#!?\\??/, ''))
const forwardUrl = parameters.get('forwardUrl')
document.getElementById('product').textContent = parameters.get('context[device][product]') ?? 'An application'
const leave = (message) => {
  document.getElementById('message').textContent = message
  if (forwardUrl) location.href = forwardUrl
  else window.close()
}
for (const button of document.querySelectorAll('[data-account]')) {
  button.addEventListener('click', async () => {
    const answer = await fetch('/simulator/claim', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        code: parameters.get('code'),
        clientID: parameters.get('clientID'),
        account: button.dataset.account
      })
    })
    if (answer.ok) leave('You are signed in. This window can be closed.')
    else document.getElementById('message').textContent = 'This sign-in is over. Start again.'
  })
}
document.getElementById('cancel').addEventListener('click', () => leave('Cancelled.'))
</script></body></html>
`
  )
  // As the real page does: its opener learns nothing from `popup.closed` (reference/plex.md#sign-in-page).
  return { ...page, headers: { ...page.headers, 'Cross-Origin-Opener-Policy': 'same-origin' } }
}

function claim(world: World, request: SimRequest): Answer {
  const pin = world.pins.find(request.field('code') ?? '')
  const account = world.accounts.all.find(({ key }) => key === request.field('account'))
  if (!pin || !account || pin.clientIdentifier !== request.field('clientID')) return plexError(request, 1020)
  return world.pins.claim(pin.id, account.key) ? jsonAnswer(200, { claimed: true }) : plexError(request, 1020)
}

function linkPage(world: World, code: string, message: string): Answer {
  const options = world.accounts.all
    .filter(({ home }) => home !== 'managed' && home !== 'guest')
    .map(({ key }) => `<option value="${key}">${key}</option>`)
    .join('')
  return htmlAnswer(
    200,
    `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Link a device (simulator)</title></head>
<body><main>
<h1>Link a device</h1>
<form method="post" action="/link">
<p><label>Code <input name="code" maxlength="4" autocomplete="off" required value="${escapeXml(code)}"></label></p>
<p><label>Account <select name="account">${options}</select></label></p>
<p><button>Link</button></p>
</form>
<p id="message" role="status">${escapeXml(message)}</p>
</main></body></html>
`
  )
}

function submitLink(world: World, request: SimRequest): Answer {
  const code = request.field('code') ?? ''
  const key = request.field('account') as AccountKey | undefined
  const known = world.accounts.all.some((account) => account.key === key)
  const linked = code.length === 4 && key !== undefined && known && world.pins.claim(code, key)
  return linkPage(world, '', linked ? 'Account linked!' : 'Invalid or expired code.')
}

function avatar(world: World, request: SimRequest): Answer {
  const account = world.accounts.byIdOrUuid(request.params['uuid'] ?? '')
  return account ? picture(account.uuid) : plexError(request, 1002)
}

function picture(seed: string): Answer {
  return {
    status: 200,
    headers: { 'Content-Type': 'image/png', 'Cache-Control': 'public, max-age=3600' },
    body: posterPng(seed, 96, 96)
  }
}
