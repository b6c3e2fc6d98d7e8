// The built program, dist/src/server.js. It keeps compiled code in dist/cache, where the build leaves it; where that
// cannot be written, or is of another Node, the start only takes longer.
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

enableCompileCache(fileURLToPath(new URL('../cache', import.meta.url)))
await import('./main.js')
