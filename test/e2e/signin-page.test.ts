import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser, skipWithoutChromium } from './support/browser.ts'
import { cannedPin, cannedSession, HOME, SERVERS } from './support/canned-people.ts'
import { type CannedSite, problem } from './support/canned-site.ts'
import { setStage, startPlexApp } from './support/stage.ts'

const PENDING = { body: { status: 'pending', pollAfterMs: 50 } }
const EXPIRED = { body: { status: 'expired' } }
const REFUSED = { link: '</signin?error=USHER_SERVER_ACCESS_DENIED&who=sealed-ida>; rel="help"' }
const CREATED = { status: 201, body: cannedSession() }
const signedIn = () => ({ body: { status: 'signed-in', session: cannedSession() } })

const heading = (t: Test, page: Page, name: string) =>
  t.resolves(page.getByRole('heading', { name, level: 1 }).waitFor(), `goes on at: ${name}`)
const alert = (t: Test, page: Page, words: string) =>
  t.resolves(page.getByRole('alert').filter({ hasText: words }).waitFor(), `says: ${words}`)
const press = (page: Page, name: string) => page.getByRole('button', { name: new RegExp(`^${name}`) }).click()

async function fillPassword(page: Page): Promise<void> {
  await press(page, 'With a password')
  await page.getByLabel('E-mail address or username').fill(' ida ')
  await page.getByLabel('Plex password').fill('correct horse')
}

// Chromium on a busy machine: slow, not stuck.
t.setTimeout(600_000)

t.test('the sign-in page in Chromium', { skip: skipWithoutChromium }, async (t) => {
  const browser = await launchBrowser(t)

  t.test('the redirect works without JavaScript, below a base path, and keeps returnTo', async (t) => {
    const plex = await startPlexApp(t)
    const { page, site, complaints } = await setStage(t, browser, {
      basePath: '/usher',
      plexAppUrl: plex.url,
      path: '/signin?returnTo=/usher/app',
      context: { javaScriptEnabled: false },
      arrange: (site) =>
        site.answer('GET /session/login', { status: 302, headers: { location: `${plex.url}/auth` } })
    })
    t.ok(await page.locator('[data-panel="choose"] .without-script').isVisible())
    t.notOk(await page.getByText('With a password', { exact: true }).isVisible())
    await press(page, 'Sign in with Plex')
    await page.waitForURL(`${plex.url}/auth`)
    t.equal(site.asked[0]?.path, '/session/login?returnTo=%2Fusher%2Fapp')
    t.strictSame(complaints, [], 'the policy allows the redirect of the form')
  })

  t.test('back from Plex one chooses a profile, then goes on to where one wanted to go', async (t) => {
    const { page, site } = await setStage(t, browser, {
      path: '/signin?returnTo=/app',
      arrange: (site) => site.answer('GET /session/home', { body: HOME })
    })
    site.session = cannedSession()
    site.answer('GET /session', { body: site.session })
    site.answer('GET /session/login', {
      status: 302,
      headers: { location: '/signin?fresh=1&returnTo=/app' }
    })
    await press(page, 'Sign in with Plex')
    await heading(t, page, 'Who is watching?')
    t.equal(site.asked[0]?.path, '/session/login?returnTo=%2Fsignin%3Ffresh%3D1%26returnTo%3D%252Fapp')
    await press(page, 'Continue as Ida Lupino')
    await page.waitForURL(`${site.url}/app`)
  })

  t.test('back from Plex in a browser that keeps no cookies, the page says so', async (t) => {
    const { page } = await setStage(t, browser, { path: '/signin?fresh=1' })
    await alert(t, page, 'Allow cookies for this site')
  })

  t.test('an error that came by address is said, and gone after a reload', async (t) => {
    const { page, complaints } = await setStage(t, browser, { path: '/signin?error=USHER_SIGNIN_CANCELLED' })
    await alert(t, page, 'You did not finish signing in at Plex')
    t.match(page.url(), /\/signin$/)
    await page.reload()
    t.equal(await page.locator('#problem').textContent(), '')
    t.strictSame(complaints, [])
  })

  t.test('the small window signs in although Plex severs the handle to it', async (t) => {
    const plex = await startPlexApp(t)
    const { page, site, complaints, asked } = await setStage(t, browser, {
      path: '/signin?returnTo=/app',
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin(`${plex.url}/auth`))
        site.answer('GET /session/pin', PENDING)
        site.answer('GET /session/home', { body: { users: [] } })
      }
    })
    plex.forwardTo(`${site.url}/session/callback`)
    site.answer('GET /session/callback', { status: 302, headers: { location: '/signin?window=done' } })
    const opened = page.waitForEvent('popup')
    await press(page, 'Open Plex in a small window')
    const small = await opened
    await small.getByRole('heading', { name: 'Plex' }).waitFor()
    await heading(t, page, 'Continue in the small window')
    t.strictSame(site.asked[0]?.body, { kind: 'redirect', returnTo: '/signin?window=done' })
    while (asked('GET /session/pin') < 2) await page.waitForTimeout(20)
    // The callback takes the pin with it: from here on only the session tells.
    site.answer('GET /session/pin', problem('USHER_PIN_UNKNOWN', 404))
    site.answer('GET /session', CREATED)
    const closed = small.waitForEvent('close')
    await small.getByRole('link', { name: 'Allow' }).click()
    await page.waitForURL(`${site.url}/app`)
    await closed
    t.strictSame(complaints, [])
  })

  t.test('a blocked window falls back to the redirect', async (t) => {
    const { page, site } = await setStage(t, browser, {
      path: '/signin?returnTo=/app',
      arrange: (site) => site.answer('GET /session/login', { status: 302, headers: { location: '/app' } })
    })
    await page.evaluate('window.open = () => null')
    await press(page, 'Open Plex in a small window')
    await page.waitForURL(`${site.url}/app`)
    t.equal(site.asked[0]?.path, '/session/login?returnTo=%2Fsignin%3Ffresh%3D1%26returnTo%3D%252Fapp')
  })

  t.test('turned away in the small window, the page says so and offers every way again', async (t) => {
    const plex = await startPlexApp(t)
    const { page } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin(`${plex.url}/auth`))
        site.answer('GET /session/pin', PENDING, problem('USHER_PIN_UNKNOWN', 404))
      }
    })
    await press(page, 'Open Plex in a small window')
    await alert(t, page, 'You did not finish signing in at Plex')
    await heading(t, page, 'Sign in')
  })

  t.test('a code is shown as letters and as a QR code, and signs in', async (t) => {
    const { page, site, complaints } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', PENDING)
        site.answer('GET /session/home', { body: { users: [] } })
      }
    })
    await press(page, 'With a code')
    await heading(t, page, 'Sign in with a code')
    t.strictSame(site.asked[0]?.body, { kind: 'link' })
    t.equal(await page.locator('#code .tiles span').count(), 4)
    t.equal(await page.locator('#code .unseen').textContent(), '7 R Q Z', 'spelled for screen readers')
    t.equal(
      await page.getByRole('link', { name: 'plex.tv/link' }).getAttribute('href'),
      'https://plex.tv/link/'
    )
    t.ok(await page.getByRole('img', { name: 'QR code' }).isVisible())
    await page.getByText(/Expires in 1[45]:\d\d/).waitFor()
    site.answer('GET /session/pin', signedIn())
    await heading(t, page, 'You are signed in')
    t.ok(
      site.asked.every(({ path }) => !path.includes('7RQZ')),
      'the code is in no address'
    )
    t.strictSame(complaints, [])
  })

  t.test(
    'a phone is offered no second window and no picture of its own screen, but the code to copy',
    async (t) => {
      const { page, complaints } = await setStage(t, browser, {
        context: {
          viewport: { width: 390, height: 844 },
          hasTouch: true,
          isMobile: true,
          permissions: ['clipboard-read', 'clipboard-write']
        },
        arrange: (site) => {
          site.answer('POST /session/pin', cannedPin('https://plex.tv'))
          site.answer('GET /session/pin', PENDING)
        }
      })
      t.notOk(await page.getByText('Open Plex in a small window').isVisible())
      await press(page, 'With a code')
      await page.getByText(/Expires in/).waitFor()
      t.notOk(await page.getByRole('img', { name: 'QR code' }).isVisible())
      await press(page, 'Copy the code')
      await page.getByRole('status').filter({ hasText: 'Copied.' }).waitFor()
      t.equal(await page.evaluate('navigator.clipboard.readText()'), '7RQZ')
      t.strictSame(complaints, [])
    }
  )

  t.test('a code that has run out says so and can be had anew', async (t) => {
    const { page, asked } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', PENDING, EXPIRED, PENDING)
      }
    })
    await press(page, 'With a code')
    await page.getByRole('status').filter({ hasText: 'This code has expired' }).waitFor()
    await press(page, 'Show a new code')
    await page.getByText(/Expires in/).waitFor()
    t.equal(asked('POST /session/pin'), 2)
    t.notOk(await page.getByRole('button', { name: 'Show a new code' }).isVisible())
  })

  t.test('a person who chose another way while the code was on its way stays there', async (t) => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    const { page, site, asked } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('DELETE /session/pin', { status: 204 })
      },
      prepare: (page) =>
        page.route('**/session/pin', async (route) => {
          await held
          await route.continue()
        })
    })
    await press(page, 'With a code')
    await fillPassword(page)
    release()
    while (asked('DELETE /session/pin') === 0) await page.waitForTimeout(20)
    await heading(t, page, 'Sign in with a password')
    t.equal(await page.getByLabel('Plex password').inputValue(), 'correct horse')
    t.equal(await page.evaluate('document.activeElement.id'), 'password')
    t.equal(asked('GET /session/pin'), 0, 'and the code is not waited for')
    t.strictSame(
      site.asked.filter(({ method }) => method !== 'GET').map(({ method }) => method),
      ['POST', 'DELETE']
    )
  })

  t.test('a code that expires under the keyboard hands the focus to the new one', async (t) => {
    const { page, site } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', PENDING)
      }
    })
    await press(page, 'With a code')
    await page.getByRole('button', { name: 'Copy the code' }).focus()
    site.answer('GET /session/pin', EXPIRED)
    await page.getByRole('status').filter({ hasText: 'This code has expired' }).waitFor()
    t.equal(await page.evaluate('document.activeElement.id'), 'code-again')
  })

  t.test('a new code is asked for after the old one is given back', async (t) => {
    const { page, site, asked } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', PENDING)
        site.answer('DELETE /session/pin', { status: 204 })
      },
      prepare: (page) =>
        page.route('**/session/pin?kind=link', async (route) => {
          // A slow way: by now a hasty page would have asked for the next code.
          if (route.request().method() === 'DELETE') await page.waitForTimeout(500)
          await route.continue()
        })
    })
    await press(page, 'With a code')
    await heading(t, page, 'Sign in with a code')
    await press(page, 'Other ways to sign in')
    await press(page, 'With a code')
    await heading(t, page, 'Sign in with a code')
    while (asked('DELETE /session/pin') === 0) await page.waitForTimeout(20)
    t.strictSame(
      site.asked.filter(({ method }) => method !== 'GET').map(({ method }) => method),
      ['POST', 'DELETE', 'POST']
    )
  })

  // Chromium 94, which televisions of 2023 have, and Safari 15.3 lack some of these each.
  const WITHOUT_NEWS = `
    delete Element.prototype.checkVisibility
    delete Element.prototype.replaceChildren
    delete AbortSignal.prototype.throwIfAborted
    delete AbortSignal.any
    delete AbortSignal.timeout
    delete Array.prototype.at
    delete Object.hasOwn
    delete Promise.withResolvers
    delete window.structuredClone
    delete window.BroadcastChannel
    delete HTMLDialogElement.prototype.showModal
    delete HTMLDialogElement.prototype.close
    delete window.HTMLDialogElement`

  t.test('a browser of some years ago signs in by code, on a television', async (t) => {
    const { page, site, complaints } = await setStage(t, browser, {
      context: { userAgent: 'Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 TV Safari/537.36' },
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', PENDING)
        site.answer('GET /session/home', { body: HOME })
      },
      prepare: (page) => page.addInitScript(WITHOUT_NEWS)
    })
    await page.getByText(/Expires in/).waitFor()
    t.match(await page.evaluate('document.activeElement.textContent'), /Other ways to sign in/)
    t.equal(
      await page.evaluate('getComputedStyle(document.documentElement).fontSize'),
      `${1280 * 0.0135}px`,
      'in large letters'
    )
    site.answer('GET /session/pin', signedIn())
    await heading(t, page, 'Who is watching?')
    await page.keyboard.press('ArrowRight')
    t.match(await page.evaluate('document.activeElement.textContent'), /Orson/)
    t.notOk(await page.getByLabel('Four digits').isVisible())
    await page.keyboard.press('Enter')
    await page.getByLabel('Four digits').waitFor()
    site.answer('POST /session/home/switch', CREATED)
    await page.keyboard.type('1234')
    await heading(t, page, 'You are signed in')
    t.notOk(await page.getByLabel('Four digits').isVisible())
    t.strictSame(complaints, [])
  })

  t.test('and in a small window, whose end it learns from the PIN alone', async (t) => {
    const plex = await startPlexApp(t)
    const { page, complaints } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin(`${plex.url}/auth`))
        site.answer('GET /session/pin', PENDING, problem('USHER_PIN_UNKNOWN', 404))
      },
      prepare: (page) => page.context().addInitScript(WITHOUT_NEWS)
    })
    await press(page, 'Open Plex in a small window')
    await alert(t, page, 'You did not finish signing in at Plex')
    await page.goto(`${new URL('/signin', page.url())}?window=done&error=USHER_SIGNIN_CANCELLED`)
    await heading(t, page, 'You are signed in here')
    t.strictSame(complaints, [])
  })

  t.test('a browser that runs no modules shows no dead buttons, and signs in by redirect', async (t) => {
    const { page, site } = await setStage(t, browser, {
      path: '/signin?returnTo=/app',
      arrange: (site) => site.answer('GET /session/login', { status: 302, headers: { location: '/app' } }),
      prepare: (page) =>
        page.route('**/app.js', (route) =>
          route.fulfill({ contentType: 'text/javascript', body: 'what?.is??this syntax' })
        )
    })
    await page.getByText('need JavaScript in a current browser').waitFor()
    t.notOk(await page.getByText('With a password', { exact: true }).isVisible())
    t.notOk(await page.getByText('With a code', { exact: true }).isVisible())
    await press(page, 'Sign in with Plex')
    await page.waitForURL(`${site.url}/app`)
    t.equal(site.asked[0]?.path, '/session/login?returnTo=%2Fapp')
  })

  t.test('an outage while waiting is told, and waited out', async (t) => {
    const { page, site } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', 'broken')
        site.answer('GET /session/home', { body: { users: [] } })
      }
    })
    await press(page, 'With a code')
    const status = page.locator('#code-status')
    await t.resolves(status.filter({ hasText: 'This site cannot be reached. Still waiting.' }).waitFor())
    site.answer('GET /session/pin', problem('USHER_UPSTREAM_TIMEOUT', 504))
    await t.resolves(
      status.filter({ hasText: 'Plex or the media server took too long to answer. Still waiting.' }).waitFor()
    )
    site.answer('GET /session/pin', signedIn())
    await heading(t, page, 'You are signed in')
  })

  t.test('turning back from a code gives the pin back', async (t) => {
    const { page, site, asked } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', PENDING)
        site.answer('DELETE /session/pin', { status: 204 })
      }
    })
    await press(page, 'With a code')
    await heading(t, page, 'Sign in with a code')
    await press(page, 'Other ways to sign in')
    await heading(t, page, 'Sign in')
    while (asked('DELETE /session/pin') === 0) await page.waitForTimeout(20)
    // One that was under way may come behind.
    await page.waitForTimeout(300)
    const before = asked('GET /session/pin')
    await page.waitForTimeout(300)
    t.equal(asked('GET /session/pin'), before, 'and nobody asks for it any more')
    t.ok(site.asked.every(({ headers }) => headers['x-usher'] === '1'))
  })

  t.test('an account that is not admitted is told so at once', async (t) => {
    const { page } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer('POST /session/pin', cannedPin('https://plex.tv'))
        site.answer('GET /session/pin', PENDING, problem('USHER_SERVER_ACCESS_DENIED', 403, REFUSED))
      }
    })
    await press(page, 'With a code')
    await heading(t, page, 'No access')
    t.equal(
      await page.locator('#refused').textContent(),
      'Ida Lupino has no access to the media server of Usher.'
    )
    await t.resolves(page.getByText('Accept the invitation first').waitFor())
    await page.getByRole('link', { name: 'Use another account' }).click()
    await heading(t, page, 'Sign in')
  })

  t.test('a password signs in, the verification code being asked for only when Plex wants one', async (t) => {
    const { page, site, complaints } = await setStage(t, browser, {
      arrange: (site) => {
        site.answer(
          'POST /session/login',
          problem('USHER_CREDENTIALS_REJECTED', 401),
          problem('USHER_VERIFICATION_REQUIRED', 401),
          problem('USHER_VERIFICATION_REJECTED', 401),
          CREATED
        )
        site.answer('GET /session/home', { body: { users: [] } })
      }
    })
    await fillPassword(page)
    const code = page.getByLabel('Verification code', { exact: true })
    t.notOk(await code.isVisible())
    await page.keyboard.press('Enter')
    await alert(t, page, 'Plex did not accept this name and password')
    t.equal(await page.getByLabel('Plex password').getAttribute('aria-invalid'), 'true')
    await press(page, 'Sign in')
    await heading(t, page, 'Enter the verification code')
    await t.resolves(page.getByText('asks for a second factor for ida').waitFor())
    t.equal(await page.evaluate('document.activeElement.id'), 'verification-code')
    await code.fill('111 111')
    await press(page, 'Sign in')
    await alert(t, page, 'did not accept this verification code')
    await code.fill('222 222')
    await press(page, 'Sign in')
    await heading(t, page, 'You are signed in')
    t.strictSame(
      site.asked.filter(({ path }) => path === '/session/login').map(({ body }) => body),
      [undefined, undefined, '111111', '222222'].map((verificationCode) => ({
        login: 'ida',
        password: 'correct horse',
        ...(verificationCode !== undefined && { verificationCode })
      }))
    )
    const kept = await page.evaluate(
      'JSON.stringify([localStorage.length, sessionStorage.length, document.cookie, document.getElementById("password").value])'
    )
    t.equal(kept, '[0,0,"",""]', 'nothing is remembered')
    t.strictSame(complaints, [])
  })

  t.test('an empty field is marked and nothing is sent', async (t) => {
    const { page, site } = await setStage(t, browser)
    await press(page, 'With a password')
    await press(page, 'Sign in')
    t.equal(await page.getByLabel('E-mail address or username').getAttribute('aria-invalid'), 'true')
    t.strictSame(site.asked, [])
  })

  t.test('a limit says how long to wait, a fault of ours gives a reference', async (t) => {
    const { page } = await setStage(t, browser, {
      arrange: (site) =>
        site.answer(
          'POST /session/login',
          problem('USHER_RATE_LIMITED', 429, { 'retry-after': '40' }),
          problem('USHER_PLEX_LIMITED', 503, { 'retry-after': '900' }),
          problem('USHER_INTERNAL', 500),
          { status: 502, body: '<html>' },
          'broken'
        )
    })
    await fillPassword(page)
    for (const words of [
      'in 40 seconds',
      'in 15 minutes',
      'req-7f3a',
      'wrong on our side',
      'cannot be reached'
    ]) {
      await press(page, 'Sign in')
      await alert(t, page, words)
    }
  })

  const family = (site: CannedSite) => {
    site.answer('POST /session/login', CREATED)
    site.answer('GET /session/home', { body: HOME })
  }

  t.test(
    'the profile picker asks for a PIN only where there is one, and says when it is wrong',
    async (t) => {
      const orson = cannedSession({ method: 'home', account: { ...cannedSession().account, title: 'Orson' } })
      const { page, site, complaints } = await setStage(t, browser, {
        arrange: (site) => {
          family(site)
          site.answer('POST /session/home/switch', problem('USHER_HOME_PIN_REJECTED', 403), {
            status: 201,
            body: orson
          })
        }
      })
      await fillPassword(page)
      await press(page, 'Sign in')
      await heading(t, page, 'Who is watching?')
      await press(page, 'Orson protected with a PIN')
      const pin = page.getByLabel('Four digits')
      await pin.fill('12')
      await pin.press('Enter')
      await alert(t, page, 'A PIN has four digits')
      await pin.fill('0000')
      await alert(t, page, 'That PIN is not correct')
      t.equal(await pin.inputValue(), '')
      await pin.fill('1234')
      await heading(t, page, 'You are signed in')
      t.equal(await page.locator('#account-title').textContent(), 'Orson')
      t.strictSame(
        site.asked.filter(({ path }) => path === '/session/home/switch').map(({ body }) => body),
        ['0000', '1234'].map((pin) => ({ uuid: 'cccc3333dddd4444', pin }))
      )
      t.strictSame(complaints, [])
    }
  )

  t.test('a profile without a PIN is entered at once; a PIN can be turned away from', async (t) => {
    const { page, site } = await setStage(t, browser, {
      path: '/signin?returnTo=/app',
      arrange: (site) => {
        family(site)
        site.answer('POST /session/home/switch', CREATED)
      }
    })
    await fillPassword(page)
    await press(page, 'Sign in')
    await press(page, 'Orson protected with a PIN')
    await page.keyboard.press('Escape')
    await press(page, 'The little ones')
    await page.waitForURL(`${site.url}/app`)
    // Pictures of people are asked for beside it.
    const posted = site.asked.filter(({ path }) => path === '/session/home/switch')
    t.strictSame(
      posted.map(({ body }) => body),
      [{ uuid: 'eeee5555ffff6666' }]
    )
  })

  t.test('staying oneself goes on without a switch', async (t) => {
    const { page, site, asked } = await setStage(t, browser, {
      path: '/signin?returnTo=/app',
      arrange: family
    })
    await fillPassword(page)
    await press(page, 'Sign in')
    await press(page, 'Continue as Ida Lupino')
    await page.waitForURL(`${site.url}/app`)
    t.equal(asked('POST /session/home/switch'), 0)
  })

  t.test('a session without a server chooses one', async (t) => {
    const none = cannedSession({ server: null, role: 'none' })
    const { page, site } = await setStage(t, browser, {
      pmsUrl: null,
      arrange: (site) => {
        site.session = none
        site.answer('GET /session/home', { body: { users: [] } })
        site.answer('GET /session/servers', { body: SERVERS })
        site.answer('PUT /session/server', problem('USHER_UPSTREAM_UNREACHABLE', 503), CREATED)
      }
    })
    await heading(t, page, 'Choose a server')
    t.match(await page.locator('#servers').innerText(), /Rialto.*online.*Old Mac mini.*offline/s)
    await press(page, 'Old Mac mini')
    await alert(t, page, 'cannot be reached')
    await press(page, 'Rialto')
    await heading(t, page, 'You are signed in')
    t.strictSame(
      site.asked.filter(({ method }) => method === 'PUT').map(({ body }) => body),
      [{ machineIdentifier: 'cafe' }, { machineIdentifier: 'f00d' }]
    )
  })

  t.test('tells who is signed in, in local time, with a way on to where one wanted to go', async (t) => {
    const { page, site } = await setStage(t, browser, {
      path: '/signin?returnTo=/app',
      arrange: (site) => {
        site.session = cannedSession({ expiresAt: '2031-01-02T10:30:00.000Z', stale: true })
        site.unreachableSince = Date.UTC(2025, 6, 3, 9, 12)
        site.answer('GET /session/home', { body: HOME })
      }
    })
    await t.resolves(page.getByText('2 January 2031 at 11:30').waitFor(), '2 January 2031 at 11:30')
    await t.resolves(
      page.getByText('plex.tv has been unreachable since 3 July 2025 at 11:12.').waitFor(),
      'plex.tv has been unreachable since 3 July 2025 at 11:12.'
    )
    await t.resolves(page.getByText('You stay signed in.').waitFor(), 'You stay signed in.')
    await page.getByRole('button', { name: 'Switch profile' }).waitFor()
    await page.getByRole('link', { name: /^Continue to site.test\/app$/ }).click()
    await page.waitForURL(`${site.url}/app`)
  })

  for (const javaScriptEnabled of [true, false]) {
    t.test(`signs out here, or everywhere after a question, scripts ${javaScriptEnabled}`, async (t) => {
      for (const everywhere of [false, true]) {
        const { page, site } = await setStage(t, browser, {
          context: { javaScriptEnabled },
          arrange: (site) => {
            site.session = cannedSession()
            site.answer('GET /session/home', { body: { users: [] } })
          }
        })
        if (everywhere) {
          await page.getByRole('link', { name: 'Sign out on all devices…' }).click()
          await heading(t, page, 'Sign out on all devices?')
          t.equal(site.asked.filter(({ method }) => method === 'POST').length, 0)
          await press(page, 'Sign out everywhere')
        } else {
          await page.getByRole('button', { name: 'Sign out', exact: true }).click()
        }
        await page.getByRole('status').filter({ hasText: 'You are signed out.' }).waitFor()
        await heading(t, page, 'Sign in')
        t.match(
          site.asked.filter(({ method }) => method === 'POST').map(({ body }) => ({ ...(body as object) })),
          [everywhere ? { everywhere: 'yes' } : {}]
        )
        t.equal(
          site.asked.findLast(({ method }) => method === 'POST')?.headers['origin'],
          site.url,
          'said where Fetch Metadata is unknown, too'
        )
      }
    })
  }

  t.test('a session that ended just now leaves the ways to sign in', async (t) => {
    const { page, site } = await setStage(t, browser, {
      arrange: (site) => {
        site.session = cannedSession()
        site.answer('GET /session/home', { body: HOME })
      }
    })
    await page.getByRole('button', { name: 'Switch profile' }).waitFor()
    site.answer('GET /session', problem('USHER_SESSION_REVOKED', 401))
    await press(page, 'Switch profile')
    await press(page, 'Continue as Ida Lupino')
    await heading(t, page, 'Sign in')
  })
})
