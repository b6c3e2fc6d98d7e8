import t from 'tap'
import { type Access, createAccessRules, type Person } from '../../../src/apps/access.ts'

type Options = Parameters<typeof createAccessRules>[0]

const FRIEND = 4711
const NOBODY: Access = { roles: [], libraries: [], accounts: [], groups: [] }
const GROUPS: Options['groups'] = [
  { name: 'friends', accounts: [FRIEND], roles: [], libraries: [] },
  { name: '映画', accounts: [], roles: ['home'], libraries: ['Films'] }
]

function rulesOf(groups: Options['groups'], ...accesses: (Access | null)[]) {
  const apps = accesses.map((access) => ({ access }) as Options['apps'][number])
  return createAccessRules({ apps, groups, oidc: { clients: [], keys: [] } })
}

function person(changes: Partial<Person> = {}): Person {
  return { accountId: 1, role: 'shared', libraries: [], ...changes }
}

t.test('without a rule everyone may enter, and with an empty one nobody', async (t) => {
  const { decide } = rulesOf(GROUPS)
  t.equal(decide(null, person({ role: 'none', libraries: null })), 'yes')
  t.equal(decide(NOBODY, person({ role: 'owner', libraries: ['Films'], accountId: FRIEND })), 'no')
})

t.test('one match in any member is enough', async (t) => {
  const { decide } = rulesOf(GROUPS)
  const access: Access = { roles: ['home'], libraries: ['Music'], accounts: [7], groups: ['friends'] }
  t.equal(decide(access, person()), 'no')
  t.equal(decide(access, person({ role: 'home' })), 'yes')
  t.equal(decide(access, person({ role: 'owner' })), 'no', 'a role means itself, not those above it')
  t.equal(decide(access, person({ libraries: ['Films', 'Music'] })), 'yes')
  t.equal(decide(access, person({ libraries: ['music'] })), 'no', 'names are compared exactly')
  t.equal(decide(access, person({ accountId: 7 })), 'yes')
  t.equal(decide(access, person({ accountId: FRIEND })), 'yes', 'by group')
})

t.test('what depends on a library nobody has reported yet is unknown, and nothing else is', async (t) => {
  const { decide, asksLibraries } = rulesOf(GROUPS)
  const unseen = person({ libraries: null })
  const byLibrary: Access = { ...NOBODY, libraries: ['Films'] }
  const byGroup: Access = { ...NOBODY, groups: ['friends', '映画'] }
  const byAccount: Access = { ...NOBODY, groups: ['friends'], accounts: [7] }
  for (const access of [byLibrary, byGroup]) {
    t.equal(asksLibraries(access), true)
    t.equal(decide(access, unseen), 'unknown')
    t.equal(decide(access, person({ libraries: ['Films'] })), 'yes')
    t.equal(decide(access, person({ libraries: [] })), 'no', 'reported: none')
  }
  t.equal(decide(byGroup, person({ libraries: null, role: 'home' })), 'yes', 'what is known is enough')
  t.equal(asksLibraries(byAccount), false)
  t.equal(decide(byAccount, unseen), 'no')
  t.equal(asksLibraries(null), false)
})

t.test('labels: the role, groups in the order of the setting, libraries that are named or all', async (t) => {
  const { labels, groupsOf } = rulesOf(GROUPS, { ...NOBODY, libraries: ['Music'] }, null)
  const everything = person({ accountId: FRIEND, role: 'home', libraries: ['Private', 'Music', 'Films'] })
  t.strictSame(groupsOf(everything), ['friends', '映画'])
  t.strictSame(labels(everything, 'named'), ['home', 'friends', '映画', 'library:Music', 'library:Films'])
  t.strictSame(labels(everything, 'all').slice(3), ['library:Private', 'library:Music', 'library:Films'])
  t.strictSame(labels(person({ libraries: null }), 'all'), ['shared'])
})

t.test('the media server has to be asked only if a group or a rule names a library', async (t) => {
  t.equal(rulesOf([], null, NOBODY).namesLibraries, false)
  t.equal(rulesOf(GROUPS).namesLibraries, true)
  t.equal(rulesOf([], { ...NOBODY, libraries: ['Music'] }).namesLibraries, true)
})
