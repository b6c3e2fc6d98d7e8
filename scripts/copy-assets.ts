// Puts into dist/ what tsc does not: the style sheets of the sign-in page.
import { cpSync } from 'node:fs'

const STYLE = 'routes/public/signin/style'
cpSync(STYLE, `dist/${STYLE}`, { recursive: true })
