import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { until } from './support/until.ts'
import { createVisitor } from './support/visitor.ts'

const ROOT = join(import.meta.dirname, '..')

interface Demo {
  readonly child: ChildProcess
  readonly printed: string
}

/** The demo with its usual port taken, as soon as it has introduced itself. */
async function startDemo(t: Test): Promise<Demo> {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const taken = String((other.address() as AddressInfo).port)
  const args = [join(ROOT, 'test/demo.ts'), '--source', '--port', taken, '--internal-port', '0']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  // Read to the end: a pipe that nobody reads would end the demo.
  let printed = ''
  const introduced = Promise.withResolvers<void>()
  child.once('exit', () => introduced.resolve())
  child.stdout.on('data', (chunk) => {
    printed += String(chunk)
    if (printed.includes('Ctrl-C ends it.')) introduced.resolve()
  })
  await introduced.promise
  return { child, printed }
}

function runShell(t: Test, command: string, cwd: string): string {
  const { status, stdout } = spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8', timeout: 30_000 })
  t.equal(status, 0, command.replace(/demo:\S+/, 'demo:…'))
  return stdout
}

t.setTimeout(120_000)

t.test('the demo works as printed', async (t) => {
  const { child, printed } = await startDemo(t)
  const lines = printed.split('\n').filter((line) => line.startsWith('curl '))
  const directory = t.testdir({})

  await t.test('it prints accounts and lines that fit a screen', async (t) => {
    t.match(printed, /^ {2}sim@example\.com {2}correct-horse {2}/m)
    t.ok(
      // Log lines come between.
      printed.split('\n').every((line) => /^(?:curl |\{)/.test(line) || line.length < 140),
      'what is not to be copied fits a screen'
    )
    t.equal(lines.length, 5)
  })

  await t.test('its curl lines work, its usual port taken or not', async (t) => {
    const [signIn, account, source, token] = lines
      .slice(0, 4)
      .map((line) => JSON.parse(runShell(t, line, directory)) as Record<string, unknown>)
    t.match(signIn, { role: 'owner', server: { name: 'Box' }, method: 'password', stale: false })
    t.match(account, { username: 'simuser', email: 'sim@example.com' })
    t.notOk(
      /sim-[a-z]{3}-tok-/.test(JSON.stringify([signIn, account, source])),
      'no token in what a browser gets'
    )
    t.match(source, { name: 'Den (friend)', connections: [{ local: true }, { relay: true }] })
    t.match(token, { access_token: /^transient-/, token_type: 'N_A', server: { name: 'Box' } })
  })

  await t.test('the cinema stands beside Usher, and has something to show', async (t) => {
    const page = /A cinema, .*: (http:\S+\/cinema\/)$/m.exec(printed)?.[1] ?? ''
    const text = await (await fetch(page)).text()
    const script = /src="(main-[^"]+)"/.exec(text)?.[1] ?? ''
    t.equal((await fetch(page + script)).headers.get('content-type'), 'text/javascript; charset=utf-8')
    const hubs = runShell(t, `curl -s -b usher.jar ${new URL('/pms/hubs', page)}`, directory)
    t.match(hubs, /Orbit of the Moth/)
  })

  await t.test('the commands of docs/first-session.md work as written', async (t) => {
    const origin = /http:\/\/127\.0\.0\.1:\d+(?=\/session\/login)/.exec(lines[0] ?? '')?.[0] ?? ''
    const [, secret = '', internal = ''] = /'demo:([^']+)' .* (http:\S+)\/tokens/.exec(lines[3] ?? '') ?? []
    const blocks = readFileSync(join(ROOT, 'docs/first-session.md'), 'utf8').matchAll(
      /^```sh\n(curl .*?)^```/gms
    )
    const commands = [...blocks].flatMap(([, block = '']) => block.trim().split(/\n(?=curl )/))
    const answers = commands.map((command) =>
      runShell(
        t,
        command
          .replace('curl ', 'curl -s ')
          .replaceAll('http://127.0.0.1:8080', origin)
          .replaceAll('http://127.0.0.1:9090', internal)
          .replace('SECRET', secret),
        directory
      )
    )
    const [signIn, session, sections, denied, token, signOut, after] = answers
    t.match(JSON.parse(signIn ?? ''), { account: { username: 'simuser' } })
    t.match(JSON.parse(session ?? ''), { role: 'owner' })
    t.match(JSON.parse(sections ?? ''), { MediaContainer: { size: Number } })
    t.match(JSON.parse(denied ?? ''), { code: 'USHER_PATH_DENIED' })
    t.match(JSON.parse(token ?? ''), { access_token: /^transient-/ })
    t.equal(signOut, '')
    t.match(JSON.parse(after ?? ''), { code: 'USHER_SESSION_REVOKED' })
  })

  await t.test('withdrawing the share signs the friend out of both apps', async (t) => {
    const usher = /http:\/\/127\.0\.0\.1:\d+(?=\/session\/login)/.exec(lines[0] ?? '')?.[0] ?? ''
    const notes = /Notes, by OpenID Connect, at (\S+)/.exec(printed)?.[1] ?? ''
    const photos = /Photos, behind forward-auth, at (\S+)/.exec(printed)?.[1] ?? ''
    const visitor = createVisitor()
    const signIn = await visitor.ask(`${usher}/session/login`, {
      method: 'POST',
      body: JSON.stringify({ login: 'friend@example.com', password: 'correct-horse' }),
      headers: {
        'content-type': 'application/json',
        'sec-fetch-site': 'same-origin',
        'sec-fetch-mode': 'cors'
      }
    })
    t.equal(signIn.status, 201)
    const cookie = String(
      signIn.headers['set-cookie']?.find((line) => line.startsWith('usher='))?.split(';')[0]
    )
    // A browser sends the cookies of one host to all of its ports.
    const look = async () => (await visitor.ask(photos, { headers: { cookie } })).text
    const start = await visitor.go(`${usher}/signin`)
    t.match(start.text, /Your apps.*Notes.*Photos/s, 'the start page')
    t.match((await visitor.go(`${notes}/sign-in`)).text, /Signed in as friend, groups: shared/)
    t.match(await look(), /Let in as friend, groups: shared/)
    runShell(t, lines[4] ?? '', directory)
    await until(async () => (await visitor.go(notes)).text.includes('Signed out'), 'Notes is told')
    await until(async () => !(await look()).includes('Let in'), 'Photos is closed')
  })

  await t.test('it ends cleanly', async (t) => {
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    t.strictSame(await exited, [0, null])
  })
})
