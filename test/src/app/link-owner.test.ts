import { readFileSync, statSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { generateKey } from '../../../src/app/commands.ts'
import { linkOwner } from '../../../src/app/link-owner.ts'
import type { AccountKey } from '../../simulator/accounts.ts'
import { startSimulator } from '../../simulator/simulator.ts'

t.test('--link-owner gets a token by a code, and writes it where the setting says', async (t) => {
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const directory = t.testdir({})
  const file = `${directory}/plex-token`
  const env = {
    USHER_PUBLIC_URL: 'http://127.0.0.1:8080',
    USHER_SESSION_KEYS: generateKey(Date.now()),
    USHER_PLEX_URL: simulator.plexUrl,
    USHER_PLEX_CLIENTS_URL: simulator.plexUrl,
    USHER_PLEX_APP_URL: simulator.plexUrl,
    USHER_PMS_URL: simulator.pmsUrl,
    USHER_PLEX_TOKEN_FILE: file
  }
  const link = async (key: AccountKey, changes: Record<string, string> = {}) => {
    const shown: string[] = []
    const result = await linkOwner({
      env: { ...env, ...changes },
      now: Date.now,
      pollMs: 20,
      print(text) {
        shown.push(text)
        const code = /^ {2}(\w{4})$/m.exec(text)?.[1] ?? ''
        t.ok(simulator.pins.claim(code, key), 'the code is one for plex.tv/link')
      }
    })
    return { ...result, shown: shown.join('') }
  }
  const good = await link('owner')
  t.match(good, { exitCode: 0, stderr: '' })
  const token = readFileSync(file, 'utf8').trim()
  t.ok(simulator.tokens.isAlive(token))
  t.equal(statSync(file).mode & 0o777, 0o600, 'for its owner alone')
  t.notMatch(good.shown + good.stdout, token, 'and it is nowhere else')

  writeFileSync(file, 'kept\n')
  const other = await link('friend')
  t.match(other, { exitCode: 1, stderr: /does not own the server/ })
  t.equal(readFileSync(file, 'utf8'), 'kept\n')
  t.strictSame(simulator.tokens.living('friend'), [], 'signed out again')

  const nowhere = await link('owner', { USHER_PLEX_TOKEN_FILE: `${directory}/none/plex-token` })
  t.match(nowhere, { exitCode: 1, stderr: /USHER_PLEX_TOKEN_FILE names a file that cannot be written/ })
  t.match(
    await linkOwner({ env: { ...env, USHER_PLEX_TOKEN_FILE: '' }, now: Date.now, print: () => t.fail() }),
    { exitCode: 2, stderr: /must name the file/ }
  )
})
