import t from 'tap'
import { Problem } from '../../../../src/domain/problems.ts'
import type { Account } from '../../../../src/plex/account.ts'
import type { Resource } from '../../../../src/plex/resources.ts'
import { type AdmissionRules, admit } from '../../../../src/session/check/admission.ts'

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
      return admit({ access, allowedAccounts: [], requireTwoFactor: 'none' }, ACCOUNT, list, machine).role
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
  for (const access of ['server', 'home', 'owner'] as const)
    t.equal(outcome(access, owned, null), DENIED, `rule 75: ${access} is of the configured server`)
  t.equal(outcome('anyone', shared, null), 'none', 'without a chosen server there is one to choose')
  const long = admit(
    { access: 'server', allowedAccounts: [], requireTwoFactor: 'none' },
    ACCOUNT,
    [server({ name: 'n'.repeat(200) })],
    MACHINE
  )
  t.equal(long.server?.name.length, 100)
  const managed = admit(
    { access: 'server', allowedAccounts: [], requireTwoFactor: 'none' },
    { ...ACCOUNT, restricted: true },
    owned,
    MACHINE
  )
  t.equal(managed.role, 'home', 'a managed profile owns nothing')
})

t.test('admission: two-factor is demanded of all, of owners, or of nobody', async (t) => {
  const need = (requireTwoFactor: 'none' | 'owner' | 'all', account: Account, list: readonly Resource[]) => {
    try {
      admit({ access: 'anyone', allowedAccounts: [], requireTwoFactor }, account, list, MACHINE)
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

t.test('admission: a list of accounts narrows who may sign in, whatever their role', async (t) => {
  const enter = (allowedAccounts: AdmissionRules['allowedAccounts'], changes: Partial<Account> = {}) => {
    try {
      const rules = { access: 'server', allowedAccounts, requireTwoFactor: 'none' } as const
      return admit(rules, { ...ACCOUNT, ...changes }, [server()], MACHINE).role
    } catch (error) {
      return error instanceof Problem ? error.code : error
    }
  }
  const BLOCKED = 'USHER_ACCOUNT_BLOCKED'
  const { id, username, email } = { ...ACCOUNT, username: 'Someone', email: 'Some.One@example.com' }
  t.equal(enter([]), 'owner')
  t.equal(enter([{ id: id + 1 }, { id }]), 'owner')
  t.equal(enter([{ id: id + 1 }]), BLOCKED, 'the owner too')
  t.equal(enter([{ username: 'someone' }], { username }), 'owner')
  t.equal(enter([{ username: 'someone' }], { username: '' }), BLOCKED)
  t.equal(enter([{ username: String(id) }]), BLOCKED)
  t.equal(enter([{ email: 'some.one@example.com' }], { email, confirmed: true }), 'owner')
  t.equal(
    enter([{ email: 'some.one@example.com' }], { email, confirmed: false }),
    BLOCKED,
    'anybody can enter an address that plex.tv has not confirmed'
  )
  t.equal(enter([{ username: 'a@example.com' }], { email: 'a@example.com', confirmed: true }), BLOCKED)
})
