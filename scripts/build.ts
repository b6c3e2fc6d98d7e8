// Makes dist/ of the sources and of the packages that they use, in few files: most of a start is to find and to read
// modules, of which there are some 1,500.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'
import { EXTERNAL } from './external-packages.ts'

const ROOT = join(import.meta.dirname, '..')
const OUT = join(ROOT, process.argv[2] ?? 'dist')
const PAGE = 'routes/public/signin'

/**
 * Takes node:http from where `require` would. An import statement reads every one of its exports, and to read its
 * WebSocket loads the undici that is built into Node.
 */
const lazyHttp: Plugin = {
  name: 'lazy-http',
  resolveId: (id, _importer, { kind }) =>
    id === 'node:http' && kind === 'import-statement' ? `\0${id}` : null,
  load: (id) => (id === '\0node:http' ? "module.exports = process.getBuiltinModule('node:http')" : null)
}

const bundle = await rolldown({
  cwd: ROOT,
  input: { 'src/main': 'src/server.ts' },
  platform: 'node',
  external: [...EXTERNAL],
  plugins: [lazyHttp]
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
      // Reads the files of the page beside itself.
      { name: `${PAGE}/assets`, test: /\/signin\/assets\.ts$/, priority: 3 },
      // pino asks who calls it, for which Node reads the maps of all callers: theirs are small.
      { name: 'src/logger', test: /\/src\/(?:observe\/logger|domain\/problems)\.ts$/, priority: 2 },
      {
        name: 'src/usher',
        test: /\/(?:src\/(?!server\.ts)|plugins\/|routes\/)|\/package\.json$/,
        priority: 1
      }
    ]
  }
})

/** In ASCII, which Node reads at twice the speed, and without a map: what it would tell of packages is not ours. */
function finishPackages(path: string): void {
  const code = readFileSync(path, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '')
  // In strings, templates and regular expressions an escape stands for its character; comments are gone.
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  writeFileSync(path, code.replace(/[\u0080-\uffff]/g, escaped))
  rmSync(`${path}.map`)
}

finishPackages(join(OUT, 'src/packages.js'))
cpSync(join(ROOT, PAGE, 'style'), join(OUT, PAGE, 'style'), { recursive: true })
cpSync(join(ROOT, 'scripts/entry.js'), join(OUT, 'src/server.js'))
