import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliDecompressSync } from 'node:zlib'
import { compileScript, compileTemplate, parse } from '@vue/compiler-sfc'
import { generate } from 'selfsigned'
import { compile } from 'svelte/compiler'
import t from 'tap'
import { createServer, parseAst, type UserConfig } from 'vite'
import { WebSocket } from 'ws'
import { createBrowser } from './support/browser.ts'
import { freePort } from './support/ports.ts'
import { requireProgram, skipWithout } from './support/programs.ts'
import { until } from './support/until.ts'
import { OWNER, PASSWORD, startTestUsher } from './support/usher.ts'

const ROOT = join(import.meta.dirname, '..')

/** The blocks of a guide in one language. */
function blocks(page: string, language: string): string[] {
  const text = readFileSync(join(ROOT, 'docs/frontends', page), 'utf8')
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, block = '']) => block
  )
}

function only(page: string, language: string): string {
  const [block, ...more] = blocks(page, language)
  if (block === undefined || more.length > 0)
    throw new Error(`${page} has ${more.length + 1} blocks of ${language}`)
  return block
}

t.test('the pages in React, Vue and Svelte are some thirty lines, and compile', async (t) => {
  const react = only('frameworks.md', 'tsx')
  const vue = parse(only('frameworks.md', 'vue'), { filename: 'Wall.vue' })
  t.strictSame(vue.errors, [])
  const script = compileScript(vue.descriptor, { id: 'wall' })
  const template = compileTemplate({
    id: 'wall',
    filename: 'Wall.vue',
    source: vue.descriptor.template?.content ?? '',
    compilerOptions: { ...(script.bindings && { bindingMetadata: script.bindings }) }
  })
  t.strictSame([template.errors, template.tips], [[], []])
  const { js, warnings } = compile(only('frameworks.md', 'svelte'), { filename: 'Wall.svelte', runes: true })
  t.strictSame(warnings, [])
  t.match(js.code, /export default function Wall/)
  for (const source of [react, only('frameworks.md', 'vue'), only('frameworks.md', 'svelte')])
    t.ok(source.trim().split('\n').length <= 40)

  // Types against the client's own sources: React's whole page, the scripts of the other two, and the casting guide.
  const folder = t.testdir({})
  mkdirSync(join(folder, 'node_modules'))
  for (const name of ['react', '@types', '@vue', 'svelte', 'csstype'])
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  writeFileSync(join(folder, 'Wall.tsx'), react)
  writeFileSync(join(folder, 'casting.ts'), only('casting.md', 'ts'))
  writeFileSync(
    join(folder, 'vue.d.ts'),
    "declare module 'vue' {\n  export function ref<T>(value: T): { value: T }\n  export function onMounted(run: () => void): void\n}\n"
  )
  writeFileSync(
    join(folder, 'Wall.vue.ts'),
    `${vue.descriptor.scriptSetup?.content}\nexport { films, leave }\n`
  )
  const runes = 'declare function $state<T>(value: T): T\ndeclare function $effect(run: () => void): void\n'
  const [, svelte = ''] = /<script lang="ts">(.*?)<\/script>/s.exec(only('frameworks.md', 'svelte')) ?? []
  writeFileSync(join(folder, 'Wall.svelte.ts'), `${runes}${svelte}\nexport { films, leave }\n`)
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        target: 'es2022',
        lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable'],
        module: 'esnext',
        moduleResolution: 'bundler',
        jsx: 'react-jsx',
        types: ['react'],
        strict: true,
        noEmit: true,
        skipLibCheck: true,
        allowImportingTsExtensions: true,
        paths: { 'usher-client': [join(ROOT, 'client/src/client.ts')] }
      },
      include: ['*']
    })
  )
  // tap puts its loaders into NODE_OPTIONS, and the compiler does not start with them.
  const tsc = ['-u', 'NODE_OPTIONS', join(ROOT, 'node_modules/.bin/tsc'), '-p', folder]
  const complaints = await promisify(execFile)('env', tsc).then(
    () => '',
    ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr
  )
  t.equal(complaints, '')
})

t.test('the development server forwards what Usher answers, cookies and streams included', async (t) => {
  const [port, usherPort] = [await freePort(), await freePort()]
  const usher = await startTestUsher(t, {
    settings: {
      USHER_PUBLIC_URL: `http://127.0.0.1:${port}`,
      USHER_PORT: String(usherPort),
      USHER_TRUSTED_PROXIES: ''
    }
  })
  const source = only('dev-server.md', 'ts').replace(
    "'http://127.0.0.1:8080'",
    `'http://127.0.0.1:${usherPort}'`
  )
  const folder = t.testdir({
    'index.html': '<p>A page</p>',
    'vite.config.ts': source.replace('5173', String(port))
  })
  const compiled = source
    .replace("import { defineConfig } from 'vite'\n", '')
    .replace('export default defineConfig(', 'return (')
    .replace('5173', String(port))
  const config = new Function(compiled)() as UserConfig
  const vite = await createServer({
    ...config,
    root: folder,
    configFile: false,
    logLevel: 'silent',
    cacheDir: join(folder, 'cache'),
    optimizeDeps: { noDiscovery: true }
  })
  t.teardown(() => vite.close())
  await vite.listen()

  const url = `http://127.0.0.1:${port}`
  const browser = createBrowser(url)
  t.match((await browser.get('/')).text, /A page/)
  t.match(
    (await browser.get('/sessions-of-mine', { accept: 'text/html' })).text,
    /A page/,
    'a path of the page'
  )
  t.match((await browser.get('/signin')).text, /<main id="signin"/)
  const body = { login: OWNER, password: PASSWORD }
  t.equal((await browser.post('/session/login', body)).status, 201)
  t.equal((await browser.get('/session?slide=false')).status, 200)
  t.equal((await browser.get('/pms/library/sections')).status, 200)
  const cross = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  t.equal((await browser.post('/session/logout', {}, cross)).status, 403)

  const events = await fetch(`${url}/pms/:/eventsource/notifications`, {
    headers: { cookie: browser.cookie }
  })
  t.match(events.headers.get('content-type'), /^text\/event-stream/)
  const first = await events.body?.getReader().read()
  t.equal(first?.done, false)
  const socket = new WebSocket(`${url.replace('http', 'ws')}/pms/:/websockets/notifications`, {
    headers: { cookie: browser.cookie, origin: url }
  })
  await once(socket, 'open')
  const closed = once(socket, 'close')
  t.equal((await browser.post('/session/logout', {})).status, 204)
  await closed
  await until(() => usher.core.streams.open.events === 0)
})

t.test('every script of the guides is one', async (t) => {
  const pages = globSync('*.md', { cwd: join(ROOT, 'docs/frontends') })
  const scripts = pages.flatMap((page) => blocks(page, 'js').map((block) => [page, block] as const))
  t.ok(scripts.length > 8, `${scripts.length} scripts`)
  for (const [page, block] of scripts) t.doesNotThrow(() => parseAst(block), `${page}: ${block.slice(0, 40)}`)
})

t.test('a native app signs in by a link code, plays, and hands over an address', async (t) => {
  const usher = await startTestUsher(t)
  const { pins } = usher.simulator
  const app = usher.browser()
  // Its own HTTP client: no Fetch Metadata, no Origin.
  const voice = { 'sec-fetch-site': undefined, 'user-agent': 'Cinema/1.0 CFNetwork', 'x-usher': '1' }
  const pin = await app.post('/session/pin', { kind: 'link' }, voice)
  t.equal(pin.status, 201)
  t.match((await app.get('/session/pin', voice)).json, { status: 'pending' })
  pins.claim(pin.json.code, 'friend')
  await until(async () => (await app.get('/session/pin', voice)).json.status === 'signed-in')
  t.equal((await app.get('/pms/library/sections', voice)).status, 200)
  const body = { path: '/library/metadata/1003', kind: 'hls' }
  const address = await app.post('/session/playback', body, voice)
  t.equal((await fetch(address.json.url)).status, 200)
  const { 'x-usher': _, ...silent } = voice
  t.equal(
    (await app.post('/session/playback', body, silent)).status,
    403,
    'what changes something wants the proof'
  )
})

interface Proxy {
  readonly name: string
  readonly program: string
  /** The configuration of the guide for these places, and the arguments to run it. */
  configure(place: Place): { readonly file: string; readonly text: string; readonly args: readonly string[] }
}

interface Place {
  readonly folder: string
  readonly port: number
  readonly usher: string
}

const PROXIES: readonly Proxy[] = [
  {
    name: 'nginx',
    program: 'nginx',
    configure({ folder, port, usher }) {
      const [server = '', map = ''] = blocks('origins.md', 'nginx')
      // `http2 on` is of nginx 1.25; the parameter before it is understood by later ones too.
      const text = server
        .replace('listen 443 ssl;\n  http2 on;', `listen 127.0.0.1:${port} ssl http2;`)
        .replaceAll('/etc/ssl/', `${folder}/`)
        .replace('/srv/frontend', folder)
        .replace('127.0.0.1:8080', usher)
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      const paths = temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join('\n')
      const user = process.getuid?.() === 0 ? 'user root;\n' : ''
      const file = join(folder, 'nginx.conf')
      return {
        file,
        text: `${user}pid ${folder}/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${map}\n${text}\n}\n`,
        args: ['-p', folder, '-c', file, '-g', 'daemon off;']
      }
    }
  },
  {
    name: 'Caddy',
    program: 'caddy',
    configure({ folder, port, usher }) {
      const text = only('origins.md', 'caddyfile')
        .replace(
          'usher.example.com {',
          `https://usher.example.com:${port} {\n\tbind 127.0.0.1\n\ttls ${folder}/usher.crt ${folder}/usher.key`
        )
        .replace('/srv/frontend', folder)
        .replace('127.0.0.1:8080', usher)
      const file = join(folder, 'Caddyfile')
      return {
        file,
        text: `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${text}`,
        args: ['run', '--config', file, '--adapter', 'caddyfile']
      }
    }
  }
]

for (const { name, program, configure } of PROXIES) {
  t.test(
    `${name} as the guide has it: one origin, over HTTP/2`,
    { skip: skipWithout(program) },
    async (t) => {
      const port = await freePort()
      const usher = await startTestUsher(t, {
        settings: { USHER_PUBLIC_URL: `https://usher.example.com:${port}`, USHER_COMPRESS: 'true' }
      })
      const { private: key, cert } = await generate([{ name: 'commonName', value: 'usher.example.com' }])
      const folder = t.testdir({ 'index.html': '<p>A page</p>', 'usher.key': key, 'usher.crt': cert })
      const { file, text, args } = configure({
        folder,
        port,
        usher: `127.0.0.1:${new URL(usher.publicUrl).port}`
      })
      writeFileSync(file, text)
      const env = { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }
      const child = spawn(requireProgram(program), args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
      let complaints = ''
      child.stderr.on('data', (chunk: Buffer) => {
        complaints += chunk.toString()
      })
      const ended = once(child, 'exit')
      t.teardown(async () => {
        child.kill('SIGTERM')
        await ended
      })
      const client = await until(async () => {
        if (child.exitCode !== null) throw new Error(complaints)
        const session = connect(`https://127.0.0.1:${port}`, {
          rejectUnauthorized: false,
          servername: 'usher.example.com'
        })
        return await once(session, 'connect').then(
          () => session,
          () => null
        )
      }, `${name} listens`)
      t.teardown(() => client.destroy())
      t.equal(client.alpnProtocol, 'h2')

      const authority = `usher.example.com:${port}`
      async function ask(path: string, headers: Record<string, string> = {}, body?: string) {
        const method = body === undefined ? 'GET' : 'POST'
        const stream = client.request({
          ':path': path,
          ':method': method,
          ':authority': authority,
          ...headers
        })
        stream.end(body)
        const [head] = (await once(stream, 'response')) as [Record<string, string>]
        const chunks: Buffer[] = []
        for await (const chunk of stream) chunks.push(chunk as Buffer)
        return { head, body: Buffer.concat(chunks) }
      }
      t.match((await ask('/a/page/of/the/frontend')).body.toString(), /A page/)
      t.equal((await ask('/session')).head[':status'], 401)
      const own = { 'sec-fetch-site': 'same-origin', origin: `https://${authority}` }
      const signedIn = await ask(
        '/session/login',
        { ...own, 'content-type': 'application/json' },
        JSON.stringify({ login: OWNER, password: PASSWORD })
      )
      t.equal(signedIn.head[':status'], 201)
      const cookie = [signedIn.head['set-cookie'] ?? []]
        .flat()
        .map((line) => line.split(';')[0])
        .join('; ')
      t.match(cookie, /^__Host-usher=|; __Host-usher=/)
      const list = await ask('/pms/library/sections/1/all', { ...own, cookie, 'accept-encoding': 'br' })
      t.match(list.head, { ':status': 200, 'content-encoding': 'br', vary: /Accept-Encoding/ })
      t.match(brotliDecompressSync(list.body).toString(), /MediaContainer/)
      const posters = await Promise.all(
        Array.from({ length: 40 }, (_, at) =>
          ask(`/pms/library/metadata/1001/thumb/${1_700_000_000 + at}`, { ...own, cookie })
        )
      )
      t.ok(
        posters.every(
          ({ head }) => Number(head[':status']) === 200 && /max-age/.test(head['cache-control'] ?? '')
        )
      )
    }
  )
}
