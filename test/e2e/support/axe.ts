import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const ALL = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** What the dark scheme, which changes nothing but colours, can break. */
const COLOURS = ['color-contrast', 'link-in-text-block']

/** Ends every animation that has an end: what fades in has less contrast than what is there. */
const STILL = `for (const animation of document.getAnimations()) {
  const { endTime } = animation.effect.getComputedTiming()
  if (Number.isFinite(endTime)) animation.finish()
}`

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/**
 * The same for a page without scripts, where axe cannot run: as this browser shows it, in one that may run axe and
 * gets no script of the page.
 */
export async function auditScriptless(
  page: Page,
  browser: Browser,
  options: BrowserContextOptions
): Promise<string[]> {
  const shown = (await page.content())
    .replace(/<noscript>(<link[^>]*>)<\/noscript>/g, '$1')
    .replace(/<script[^>]*><\/script>|<link rel="modulepreload"[^>]*>/g, '')
  const context = await browser.newContext({
    ...options,
    javaScriptEnabled: true,
    viewport: page.viewportSize()
  })
  const copy = await context.newPage()
  await copy.route(page.url(), (route) =>
    route.fulfill({ contentType: 'text/html; charset=utf-8', body: shown })
  )
  await copy.goto(page.url())
  const found = await auditPage(copy)
  await context.close()
  return found
}

/** What axe-core finds wrong with the page now (WCAG 2.2 AA), or with its colours alone, one line each. */
export async function auditPage(page: Page, what: 'all' | 'colours' = 'all'): Promise<string[]> {
  // Through the debugger: the page's CSP rightly forbids script elements and eval.
  const debug = await page.context().newCDPSession(page)
  const evaluate = async (expression: string) => {
    const question = {
      expression,
      awaitPromise: true,
      returnByValue: true,
      allowUnsafeEvalBlockedByCSP: true
    }
    const { result, exceptionDetails } = await debug.send('Runtime.evaluate', question)
    if (exceptionDetails !== undefined)
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text)
    return result.value as unknown
  }
  await evaluate(STILL)
  // An audit before this one has left it there, unless the page is a new one.
  if ((await evaluate('typeof axe')) === 'undefined') await evaluate(`${source}; undefined`)
  const options = JSON.stringify({
    runOnly: what === 'all' ? ALL : { type: 'rule', values: COLOURS },
    resultTypes: ['violations'],
    rules: { 'target-size': { enabled: true } }
  })
  const run = `axe.run(document, ${options}).then((r) => r.violations)`
  const violations = (await evaluate(run)) as readonly Violation[]
  await debug.detach()
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)
  )
}
