// node test/simulator/make-pictures.ts
// Draws the posters and backdrops of the small library into fixtures/pictures, as WebP. Needs Chromium, a serif font and
// a Japanese one. Run once; what it writes is in the repository.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { drawSvg } from './pms/drawings.ts'
import { drawingsOf, smallLibrary } from './pms/small-library.ts'

const TARGET = join(import.meta.dirname, 'fixtures/pictures')
const SIZES = { poster: [400, 600], backdrop: [960, 540] } as const
const QUALITY = 0.8

rmSync(TARGET, { recursive: true, force: true })
mkdirSync(TARGET, { recursive: true })
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
const page = await browser.newPage()
for (const item of smallLibrary())
  for (const drawing of drawingsOf(item)) {
    const [width, height] = SIZES[drawing.shape]
    const svg = drawSvg(drawing, width, height)
    const address: string = await page.evaluate(`(async () => {
      const picture = new Image(${width}, ${height})
      picture.src = ${JSON.stringify(`data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`)}
      await picture.decode()
      const canvas = document.createElement('canvas')
      Object.assign(canvas, { width: ${width}, height: ${height} })
      canvas.getContext('2d').drawImage(picture, 0, 0)
      return canvas.toDataURL('image/webp', ${QUALITY})
    })()`)
    const name = `${item.ratingKey}-${drawing.shape}.webp`
    writeFileSync(join(TARGET, name), Buffer.from(address.replace(/^.*,/, ''), 'base64'))
  }
await browser.close()
