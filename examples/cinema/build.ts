// node examples/cinema/build.ts [folder]
// Bundles the cinema: one script, the player apart from it, and the page that names them.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

const HERE = import.meta.dirname

/** The files of the cinema by name. All but the page have their content's hash in the name, so caches may keep them. */
export async function buildCinema(): Promise<ReadonlyMap<string, string>> {
  const bundle = await rolldown({
    input: join(HERE, 'src/main.ts'),
    resolve: {
      alias: {
        'usher-client': join(HERE, '../../client/src/client.ts'),
        'hls.js': join(HERE, '../../node_modules/hls.js/dist/hls.mjs')
      }
    }
  })
  const { output } = await bundle.generate({
    format: 'esm',
    minify: true,
    entryFileNames: '[name]-[hash].js',
    chunkFileNames: '[name]-[hash].js'
  })
  await bundle.close()
  const files = new Map<string, string>()
  for (const chunk of output) if (chunk.type === 'chunk') files.set(chunk.fileName, chunk.code)
  const style = readFileSync(join(HERE, 'src/style.css'), 'utf8')
  const hash = createHash('sha256').update(style).digest('hex').slice(0, 8)
  files.set(`style-${hash}.css`, style)
  const page = readFileSync(join(HERE, 'src/index.html'), 'utf8')
    .replace('style.css', `style-${hash}.css`)
    .replace('main.js', output[0].fileName)
  return files.set('index.html', page)
}

if (import.meta.main) {
  const folder = process.argv[2] ?? join(HERE, 'dist')
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of await buildCinema()) writeFileSync(join(folder, name), text)
  console.log(`written to ${folder}`)
}
