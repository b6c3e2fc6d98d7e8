import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'

/** Where screenshots go, if they are wanted: drawing hundreds of them takes longer than all checks. */
const FOLDER =
  process.env['USHER_TEST_SCREENSHOTS'] === '1'
    ? fileURLToPath(new URL('../screenshots/', import.meta.url))
    : null

export const wantsScreenshots = FOLDER !== null

/** The page as it is now, for people to look at; nothing unless screenshots are wanted. */
export async function shoot(page: Page, name: string, fullPage = true): Promise<void> {
  if (FOLDER === null) return
  mkdirSync(FOLDER, { recursive: true })
  await page.screenshot({ path: `${FOLDER}${name}.png`, fullPage })
}
