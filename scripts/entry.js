// The built program, dist/src/server.js. It keeps compiled code in dist/cache, where the build leaves it; where that
// cannot be written, or is of another Node, the start only takes longer.
import module from 'node:module'
import { fileURLToPath } from 'node:url'

// Plain enough for any Node to read and to say so.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `Usher needs Node 24.12 or newer, this is ${process.versions.node}; npm start takes the one that npm ci brought.\n`
  )
  process.exit(1)
}

module.enableCompileCache(fileURLToPath(new URL('../cache', import.meta.url)))
await import('./main.js')
