import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { requireProgram, skipWithout } from './support/programs.ts'
import { startTestUsher } from './support/usher.ts'

const FILTER = new URL('../examples/fail2ban/filter.d/usher.conf', import.meta.url).pathname
const skip = skipWithout('fail2ban-regex')

t.test(
  'the fail2ban filter finds refused sign-ins in real log lines, and nobody else',
  { skip },
  async (t) => {
    const usher = await startTestUsher(t)
    const guesser = usher.browser()
    const attempt = () =>
      guesser.post('/session/login', { login: '"address":"192.0.2.1"', password: 'wrong' })
    for (let times = 0; times < 11; times += 1) await attempt()
    await usher.signedIn()
    await fetch(`${usher.internalUrl}/sources?source=server://x`, {
      headers: { authorization: `Basic ${btoa('nobody:secret')}` }
    })
    const file = `${t.testdir({})}/usher.log`
    // As the log has them, byte for byte but for what a test's logger parsed.
    writeFileSync(file, `${usher.logs.map((line) => JSON.stringify(line)).join('\n')}\n`)
    const { stdout } = await promisify(execFile)(
      requireProgram('fail2ban-regex'),
      ['-o', 'ip', file, FILTER],
      {
        timeout: 30_000
      }
    )
    const found = stdout.trim().split('\n')
    const refused = usher.logs.filter(({ event }) =>
      ['sign_in.refused', 'service.refused', 'limit.reached'].includes(String(event))
    )
    t.equal(refused.length, 12)
    t.strictSame(
      found,
      refused.map(({ address }) => address)
    )
    t.notOk(found.includes('192.0.2.1'), 'a login that looks like a field names nobody')
  }
)
