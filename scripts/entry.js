// The entry point dist/src/server.js. Compiled code is cached in dist/cache, which the build fills. If that cannot be
// written, or belongs to another Node version, starting just takes longer.
import module from 'node:module'
import { fileURLToPath } from 'node:url'

// Plain enough for an old Node to parse, so that it can print this.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `Usher needs Node 24.12 or newer, this is ${process.versions.node}; npm start takes the one that npm ci brought.\n`
  )
  process.exit(1)
}

module.enableCompileCache(fileURLToPath(new URL('../cache', import.meta.url)))
await import('./main.js')
