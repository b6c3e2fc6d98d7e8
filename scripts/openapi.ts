// npm run openapi [-- --check]
// Writes docs/reference/openapi.{public,internal}.json from the routes themselves. With --check it only says whether
// they are as the routes have them, and exits 1 where they are not.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv, exit, stderr } from 'node:process'
import { buildInternalApp, buildPublicApp } from '../src/app/app.ts'
import { generateKey } from '../src/app/commands.ts'
import { createCore } from '../src/app/core.ts'
import { loadConfig } from '../src/config/config.ts'
import { createLogger } from '../src/observe/logger.ts'

const REFERENCE = join(import.meta.dirname, '../docs/reference')

const config = loadConfig({
  USHER_PUBLIC_URL: 'https://usher.example.com',
  USHER_PMS_URL: 'http://pms.example.com:32400',
  USHER_SESSION_KEYS: generateKey(Date.now())
})
const { log } = createLogger({ level: 'silent' })
const core = createCore({ config, log, processMetrics: false })
const publicApp = await buildPublicApp(core)
const internalApp = await buildInternalApp(core, publicApp)
await Promise.all([publicApp.ready(), internalApp.ready()])
const documents = { public: publicApp.swagger(), internal: internalApp.swagger() }
await Promise.all([publicApp.close(), internalApp.close()])
await core.close()

const isCheck = argv.includes('--check')
for (const [listener, document] of Object.entries(documents)) {
  const path = join(REFERENCE, `openapi.${listener}.json`)
  const text = `${JSON.stringify(document, null, 2)}\n`
  if (!isCheck) writeFileSync(path, text)
  else if (readFileSync(path, 'utf8') !== text) {
    stderr.write(`${path} is not what the routes say; run npm run openapi\n`)
    exit(1)
  }
}
