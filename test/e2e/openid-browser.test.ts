import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { OWNER, PASSWORD } from '../support/usher.ts'
import { launchBrowser, openPage, skipWithoutChromium } from './support/browser.ts'
import { reserveParty, serveParty, startProvider } from './support/relying-party.ts'

const FOLDER = dirname(createRequire(import.meta.url).resolve('oidc-client-ts/package.json'))
const LIBRARY = readFileSync(join(FOLDER, 'dist/browser/oidc-client-ts.min.js'))

/** An app of one page without a server of its own, written with oidc-client-ts. */
async function startSpa(t: Test) {
  // The same site as Usher, or no browser would send the session cookie into the frame of a silent sign-in.
  const party = await reserveParty('127.0.0.1')
  const { issuer } = await startProvider(t, {
    secret: null,
    refresh: true,
    redirectUris: [`${party.url}/`, `${party.url}/silent`],
    postLogoutRedirectUris: [`${party.url}/bye`]
  })
  const page = `<!doctype html><title>app</title><link rel="icon" href="data:,"><script src="/oidc.js"></script><script>
    const manager = new oidc.UserManager({
      authority: ${JSON.stringify(issuer)}, client_id: 'party', redirect_uri: ${JSON.stringify(`${party.url}/`)},
      silent_redirect_uri: ${JSON.stringify(`${party.url}/silent`)},
      post_logout_redirect_uri: ${JSON.stringify(`${party.url}/bye`)},
      scope: 'openid profile email groups', loadUserInfo: true, silentRequestTimeoutInSeconds: 60
    })
    window.manager = manager
    window.done = (async () => {
      if (location.pathname === '/silent') return manager.signinSilentCallback()
      if (location.search.includes('code=')) return manager.signinRedirectCallback()
      return manager.getUser()
    })()
  </script>`
  await serveParty(t, party, (request, response) => {
    const isScript = request.url === '/oidc.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8')
    response.end(isScript ? LIBRARY : page)
  })
  return { party, issuer }
}

async function signIn(page: Page, issuer: string): Promise<void> {
  const answer = await page.context().request.post(`${issuer}/session/login`, {
    data: { login: OWNER, password: PASSWORD },
    headers: { 'x-usher': '1' }
  })
  if (answer.status() !== 201) throw new Error(`sign-in answered ${answer.status()}`)
}

t.test('in Chromium', { skip: skipWithoutChromium, timeout: 600_000 }, async (t) => {
  const browser = await launchBrowser(t)

  await t.test(
    'oidc-client-ts: redirect, userinfo and refresh over CORS, silent frame, sign-out',
    async (t) => {
      const { party, issuer } = await startSpa(t)
      const { page, complaints } = await openPage(browser)
      await signIn(page, issuer)
      await page.goto(`${party.url}/`)
      await page.evaluate('void manager.signinRedirect()')
      await page.waitForURL((url) => url.origin === party.url && url.search.includes('code='))
      const user = await page.evaluate<{ profile: Record<string, unknown> }>(
        'done.then((user) => ({ profile: user.profile }))'
      )
      t.match(user.profile, { preferred_username: 'simuser', email: 'sim@example.com' })
      const refreshed = await page.evaluate<boolean>(
        'manager.getUser().then(async (before) => (await manager.signinSilent()).access_token !== before.access_token)'
      )
      t.ok(refreshed, 'by the refresh token')
      await page.evaluate(
        'manager.getUser().then((user) => { delete user.refresh_token; return manager.storeUser(user) })'
      )
      const silent = await page.evaluate<string>(
        'manager.signinSilent().then((user) => user.profile.preferred_username)'
      )
      t.equal(silent, 'simuser', 'in a frame, without a page')
      await page.evaluate('void manager.signoutRedirect()')
      await page.waitForURL(`${party.url}/bye`)
      t.equal((await page.context().request.get(`${issuer}/session`)).status(), 401)
      t.strictSame(complaints, [])
    }
  )

  await t.test('the pages of the house: refused, sign out, signed out', async (t) => {
    const { issuer } = await startProvider(t, {
      redirectUris: ['https://app.example/callback'],
      access: { accounts: [4711] },
      name: 'The cinema'
    })
    const { page, complaints } = await openPage(browser)
    await signIn(page, issuer)
    const query = new URLSearchParams({
      client_id: 'party',
      response_type: 'code',
      redirect_uri: 'https://app.example/callback',
      scope: 'openid',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256'
    })
    const refused = await page.goto(`${issuer}/oidc/auth?${query}`)
    t.equal(refused?.status(), 403)
    t.match(await page.textContent('main'), /The cinema is not open to simuser/)
    await page.goto(`${issuer}/oidc/logout`)
    await page.click('button[value=yes]')
    await page.waitForURL(`${issuer}/oidc/logout/success`)
    t.match(await page.textContent('h1'), /Signed out/)
    t.equal((await page.context().request.get(`${issuer}/session`)).status(), 401)
    t.strictSame(complaints, [], 'no policy is broken')
    const television = { 'user-agent': 'Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36' }
    for (const path of ['/oidc/interaction/nothing', '/oidc/logout/success']) {
      const answer = await page.context().request.get(`${issuer}${path}`, { headers: television })
      t.match(await answer.text(), '<html lang="en" dir="ltr" class="television">', 'in large letters')
    }
  })

  await t.test('from the app to the sign-in page and back, as a person does it', async (t) => {
    const party = await reserveParty('127.0.0.1')
    const { issuer } = await startProvider(t, { redirectUris: [`${party.url}/callback`], pkce: 'optional' })
    await serveParty(t, party, (request, response) => response.end(`back ${request.url}`))
    const { page, complaints } = await openPage(browser)
    const query = new URLSearchParams({
      client_id: 'party',
      response_type: 'code',
      redirect_uri: `${party.url}/callback`,
      scope: 'openid profile',
      state: 's'.repeat(1500)
    })
    await page.goto(`${issuer}/oidc/auth?${query}`)
    await page.waitForURL(/\/signin\?/)
    await page.getByRole('button', { name: /password/i }).click()
    await page.fill('input[type=email], #login', OWNER)
    await page.fill('input[type=password]', PASSWORD)
    await page.getByRole('button', { name: /^sign in$/i }).click()
    const notNow = page.getByRole('button', { name: /continue as/i })
    await Promise.race([
      page.waitForURL((url) => url.origin === party.url),
      notNow.click().then(() => page.waitForURL((url) => url.origin === party.url))
    ])
    t.match(page.url(), /code=/)
    t.match(page.url(), 's'.repeat(1500))
    t.strictSame(complaints, [])
  })
})
