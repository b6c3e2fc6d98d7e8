import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** What axe-core finds wrong with the page now (WCAG 2.2 AA), one line each. */
export async function auditPage(page: Page): Promise<string[]> {
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
  await evaluate(`${source}; undefined`)
  const options = JSON.stringify({ runOnly: TAGS, rules: { 'target-size': { enabled: true } } })
  const run = `axe.run(document, ${options}).then((r) => r.violations)`
  const violations = (await evaluate(run)) as readonly Violation[]
  await debug.detach()
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`)
  )
}
