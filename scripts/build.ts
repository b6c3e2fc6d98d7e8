// Bundles the sources and their packages into a few files in dist/. Most of a start is spent finding and reading
// modules, of which there are about 1,500 otherwise (docs/decisions/0012-a-quick-start.md).
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'
import { EXTERNAL } from './external-packages.ts'

const ROOT = join(import.meta.dirname, '..')
const OUT = join(ROOT, process.argv[2] ?? 'dist')
const PAGE = 'routes/public/signin'

/**
 * Loads these by `require`. An import statement reads all of their exports, and some of these load what Usher never
 * uses: `http.WebSocket` the copy of undici that is built into Node, `crypto.webcrypto` and `util.parseArgs` theirs.
 */
const LAZY_BUILTINS = /^node:(?:http|crypto|util)$/
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  resolveId: (id, _importer, { kind }) =>
    LAZY_BUILTINS.test(id) && kind === 'import-statement' ? `\0${id}` : null,
  load: (id) =>
    id.startsWith('\0node:') ? `module.exports = process.getBuiltinModule('${id.slice(1)}')` : null
}

/**
 * Two thirds of undici is fetch, WebSocket, caches and mocks, and the OpenAPI plugin can write YAML. Usher uses none of
 * it; without these the bundle of packages is a third smaller, which is most of what a start reads.
 */
const unusedParts: Plugin = {
  name: 'unused-parts',
  load: (id) => {
    if (id.endsWith('/node_modules/undici/index.js')) {
      return `
        const Dispatcher = require('./lib/dispatcher/dispatcher.js')
        Object.assign(Dispatcher.prototype, require('./lib/api/index.js'))
        module.exports = {
          Dispatcher,
          Agent: require('./lib/dispatcher/agent.js'),
          buildConnector: require('./lib/core/connect.js'),
          errors: require('./lib/core/errors.js')
        }`
    }
    return /\/node_modules\/(?:yaml\/dist\/index|prom-client\/lib\/(?:pushgateway|cluster))\.js$/.test(id)
      ? 'module.exports = {}'
      : null
  }
}

/** Read only where an app signs in by OpenID Connect. */
const PROVIDER =
  /\/(?:src\/(?:app\/openid\.ts|openid\/(?!presets\/))|routes\/public\/oidc\/|plugins\/provider-answers\.ts)/
const OIDC_COMMANDS = /\/src\/(?:app\/oidc-commands\.ts|openid\/presets\/)/

const bundle = await rolldown({
  cwd: ROOT,
  input: { 'src/main': 'src/server.ts' },
  platform: 'node',
  external: [...EXTERNAL],
  plugins: [lazyBuiltins, unusedParts]
})
await bundle.write({
  dir: OUT,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  comments: false,
  sourcemap: true,
  sourcemapExcludeSources: true,
  codeSplitting: {
    groups: [
      { name: 'src/packages', test: /\/node_modules\//, priority: 4 },
      // Reads the files of the page next to it.
      { name: `${PAGE}/assets`, test: /\/signin\/assets\.ts$/, priority: 3 },
      // pino asks for its caller, and Node then reads the source maps of all callers: these are small.
      { name: 'src/logger', test: /\/src\/(?:observe\/logger|domain\/problems)\.ts$/, priority: 2 },
      {
        name: 'src/usher',
        test: (id) =>
          !PROVIDER.test(id) &&
          !OIDC_COMMANDS.test(id) &&
          /\/(?:src\/(?!server\.ts)|plugins\/|routes\/)|\/package\.json$/.test(id),
        priority: 1
      },
      // A group takes what it imports along: only after the others is it left with its own.
      { name: 'src/openid', test: PROVIDER },
      { name: 'src/oidc-commands', test: OIDC_COMMANDS }
    ]
  }
})

/** In ASCII, which Node reads twice as fast, and without a source map, which would describe packages only. */
function finishPackages(path: string): void {
  const code = readFileSync(path, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '')
  // Escapes are equivalent in strings, templates and regular expressions; comments have been removed.
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  writeFileSync(path, code.replace(/[\u0080-\uffff]/g, escaped))
  rmSync(`${path}.map`)
}

finishPackages(join(OUT, 'src/packages.js'))
cpSync(join(ROOT, PAGE, 'style'), join(OUT, PAGE, 'style'), { recursive: true })
cpSync(join(ROOT, 'scripts/entry.js'), join(OUT, 'src/server.js'))
