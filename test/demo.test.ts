import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'

t.test('the demo prints four curl lines that work as printed, its ports taken or not', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const taken = String((other.address() as AddressInfo).port)
  const demo = fileURLToPath(new URL('./demo.ts', import.meta.url))
  const child = spawn(process.execPath, [demo, '--source', '--port', taken, '--internal-port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  // Read to the end: a pipe that nobody reads would end the demo.
  let printed = ''
  const introduced = Promise.withResolvers<void>()
  exited.then(() => introduced.resolve())
  child.stdout.on('data', (chunk) => {
    printed += String(chunk)
    if (printed.includes('Ctrl-C ends it.')) introduced.resolve()
  })
  await introduced.promise
  t.match(printed, /^ {2}sim@example\.com {2}correct-horse {2}/m)
  t.ok(
    printed.split('\n').every((line) => line.startsWith('curl ') || line.length < 140),
    'what is not to be copied fits a screen'
  )
  const lines = printed.split('\n').filter((line) => line.startsWith('curl '))
  t.equal(lines.length, 4)
  const directory = t.testdir({})
  const [signIn, account, source, token] = lines.map((line) => {
    const { status, stdout } = spawnSync('sh', ['-c', line], { cwd: directory, encoding: 'utf8' })
    t.equal(status, 0, line.replace(/demo:\S+/, 'demo:…'))
    return JSON.parse(stdout) as Record<string, unknown>
  })
  t.match(signIn, { role: 'owner', server: { name: 'Box' }, method: 'password', stale: false })
  t.match(account, { username: 'simuser', email: 'sim@example.com' })
  t.notOk(/tok-/.test(JSON.stringify([signIn, account, source])), 'no token in what a browser gets')
  t.match(source, { name: 'Den (friend)', connections: [{ local: true }, { relay: true }] })
  t.match(token, { access_token: /^transient-/, token_type: 'N_A', server: { name: 'Box' } })
  child.kill('SIGTERM')
  t.strictSame(await exited, [0, null], 'it ends cleanly')
})
