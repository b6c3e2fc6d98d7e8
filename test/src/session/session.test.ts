import t from 'tap'
import { hasRole, ROLES } from '../../../src/domain/roles.ts'
import { toView } from '../../../src/session/session.ts'
import { sampleSession } from './sample.ts'

t.test('a view has no token in it, and its picture is below /plex', async (t) => {
  const session = sampleSession({
    homeAdmin: { accountId: 7, uuid: 'u', token: 'sample-admin-token', clientIdentifier: 'c' }
  })
  const view = toView(session, true, '/base')
  t.equal(view.account.thumb, '/base/plex/users/212acf24b07315e5/avatar')
  t.equal(view.stale, true)
  t.strictSame(view.server, { name: 'Box', machineIdentifier: sampleSession().server?.machineIdentifier })
  t.notMatch(JSON.stringify(view), /token/)
  t.equal(toView({ ...session, server: null }, false, '').server, null)
  for (const role of ROLES) {
    for (const least of ROLES) t.equal(hasRole(role, least), ROLES.indexOf(role) >= ROLES.indexOf(least))
  }
})
