// Bundles the sources and their packages into a few files in dist/. Most of a start is spent finding and reading
// modules, of which there are about 1,500 otherwise (docs/decisions/0012-a-quick-start.md).
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Plugin, rolldown } from 'rolldown'
import { PACKAGE_FILES } from '../routes/public/signin/assets.ts'
import { EXTERNAL } from './external-packages.ts'

const ROOT = join(import.meta.dirname, '..')
const OUT = join(ROOT, process.argv[2] ?? 'dist')
const PAGE = 'routes/public/signin'

/**
 * Takes what is imported from Node's own modules by assignment. An import statement reads all exports of such a module,
 * and some of these load what Usher never uses: `http.WebSocket` the copy of undici that is built into Node,
 * `fs.ReadStream` the streams of files, `util.parseArgs` its parser.
 */
const BUILTIN_IMPORT = /^import (?:(type) )?(?:\* as )?(\w+|\{[^}]*\}) from ['"](node:[\w/]+)['"];?$/gm
const directBuiltins: Plugin = {
  name: 'direct-builtins',
  transform: {
    filter: { code: /from ['"]node:/ },
    handler: (code) => ({
      code: code.replace(
        BUILTIN_IMPORT,
        (lines: string, type: string | undefined, names: string, id: string) => {
          const wanted = names.replace(/\btype \w+,?/g, '').replaceAll(' as ', ': ')
          // As many lines as before, so that the source map stays true.
          const blank = lines.replace(/[^\n]/g, '')
          return type === undefined ? `const ${wanted} = process.getBuiltinModule('${id}')` : blank
        }
      ),
      map: null
    })
  }
}

/**
 * Two thirds of undici is fetch, WebSocket, caches, mocks and a second parser, and the OpenAPI plugin can write YAML.
 * Usher uses none of it; without these the bundle of packages is a third smaller, which is most of what a start reads.
 */
const UNUSED =
  /\/node_modules\/(?:undici\/lib\/milo\/[\w-]+|yaml\/dist\/index|prom-client\/lib\/(?:pushgateway|cluster)|@opentelemetry\/api\/.*)\.c?js$/
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
    return UNUSED.test(id) ? 'module.exports = {}' : null
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
  plugins: [directBuiltins, unusedParts]
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
for (const [name, { from }] of Object.entries(PACKAGE_FILES)) {
  cpSync(fileURLToPath(import.meta.resolve(from)), join(OUT, PAGE, 'packages', name))
}
cpSync(join(ROOT, 'scripts/entry.js'), join(OUT, 'src/server.js'))
