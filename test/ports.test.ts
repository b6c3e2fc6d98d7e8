import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from './support/ports.ts'

const FILE = join(import.meta.dirname, 'support/ports.ts')
/** What another test does, which goes on until it is told to end. */
const MANY = `import { freePort } from ${JSON.stringify(FILE)}
const ports = []
while (ports.length < 120) ports.push(await freePort())
console.log(JSON.stringify(ports))
setInterval(() => {}, 1000)`

t.test('no port is given twice, to this process or another, however they are asked for', async (t) => {
  const here: number[] = []
  const asking = Array.from({ length: 120 }, async () => here.push(await freePort()))
  const others = await Promise.all(
    [1, 2].map(async () => {
      const args = ['--input-type=module-typescript', '--eval', MANY]
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      t.teardown(() => child.kill('SIGKILL'))
      const [said] = (await once(child.stdout, 'data')) as [Buffer]
      return JSON.parse(String(said)) as number[]
    })
  )
  await Promise.all(asking)
  const all = [...here, ...others.flat()]
  t.equal(new Set(all).size, 360)
  t.ok(all.every((port) => port < 32_768))
})

t.test('a port that some program has is left to it', async (t) => {
  const next = (await freePort()) + 1
  const server = createServer().listen(next, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.not(await freePort(), next)
})
