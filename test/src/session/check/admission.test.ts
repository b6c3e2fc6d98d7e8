import t from 'tap'
import { Problem } from '../../../../src/domain/problems.ts'
import type { Account } from '../../../../src/plex/account.ts'
import type { Resource } from '../../../../src/plex/resources.ts'
import { admit } from '../../../../src/session/check/admission.ts'

import { ACCOUNT, MACHINE, server } from './resource-sample.ts'

t.test('admission: who may come in follows the setting and the ids, and nothing else', async (t) => {
  const owned = [server()]
  const home = [server({ owned: false, home: true })]
  const shared = [server({ owned: false })]
  const none: Resource[] = []
  const outcome = (
    access: 'server' | 'home' | 'owner' | 'anyone',
    list: readonly Resource[],
    machine: string | null = MACHINE
  ) => {
    try {
      return admit({ access, requireTwoFactor: 'none' }, ACCOUNT, list, machine).role
    } catch (error) {
      return error instanceof Problem ? error.code : error
    }
  }
  const DENIED = 'USHER_SERVER_ACCESS_DENIED'
  const table = [
    ['server', 'owner', 'home', 'shared', DENIED],
    ['home', 'owner', 'home', DENIED, DENIED],
    ['owner', 'owner', DENIED, DENIED, DENIED],
    ['anyone', 'owner', 'home', 'shared', 'none']
  ] as const
  for (const [access, ...expected] of table) {
    t.strictSame(
      [owned, home, shared, none].map((list) => outcome(access, list)),
      expected,
      access
    )
  }
  const lookalike = server({ machineIdentifier: `${MACHINE}0`, name: 'Box' })
  t.equal(outcome('server', [lookalike]), DENIED, 'a server of the same name is another one')
  t.equal(outcome('server', [server({ product: 'Plexamp', provides: ['player'] })]), DENIED)
  t.equal(outcome('server', [server({ accessToken: null })]), DENIED)
  t.equal(outcome('server', shared, null), 'none', 'without a chosen server there is one to choose')
  t.equal(outcome('owner', shared, null), DENIED)
  t.equal(outcome('owner', [...shared, server({ machineIdentifier: 'other' })], null), 'none')
  const long = admit(
    { access: 'server', requireTwoFactor: 'none' },
    ACCOUNT,
    [server({ name: 'n'.repeat(200) })],
    MACHINE
  )
  t.equal(long.server?.name.length, 100)
  const managed = admit(
    { access: 'server', requireTwoFactor: 'none' },
    { ...ACCOUNT, restricted: true },
    owned,
    MACHINE
  )
  t.equal(managed.role, 'home', 'a managed profile owns nothing')
})

t.test('admission: two-factor is demanded of all, of owners, or of nobody', async (t) => {
  const need = (requireTwoFactor: 'none' | 'owner' | 'all', account: Account, list: readonly Resource[]) => {
    try {
      admit({ access: 'anyone', requireTwoFactor }, account, list, MACHINE)
      return 'in'
    } catch (error) {
      return error instanceof Problem ? error.code : error
    }
  }
  const on = { ...ACCOUNT, twoFactorEnabled: true }
  const shared = [server({ owned: false })]
  const REQUIRED = 'USHER_TWO_FACTOR_REQUIRED'
  t.equal(need('none', ACCOUNT, [server()]), 'in')
  t.equal(need('owner', ACCOUNT, [server()]), REQUIRED)
  t.equal(need('owner', ACCOUNT, shared), 'in')
  t.equal(need('all', ACCOUNT, shared), REQUIRED)
  t.equal(need('all', on, [server()]), 'in')
  t.equal(need('all', { ...ACCOUNT, restricted: true }, shared), 'in')
})
