import t from 'tap'
import { findRuleTests, readRows, toCell } from '../scripts/security-matrix.ts'

const rows = readRows()
const RULES = rows.map(({ rule }) => rule)

t.test('every security rule has a test that names it', async (t) => {
  const tests = findRuleTests()
  for (const rule of RULES) t.ok((tests.get(rule)?.length ?? 0) > 0, `rule ${rule}`)
  for (const rule of tests.keys()) t.ok(RULES.includes(rule), `${rule} is a rule`)
})

t.test('docs/security.md names each rule once, in order, with tests that exist', async (t) => {
  t.strictSame(
    RULES,
    rows.map((_row, index) => index + 1)
  )
  const tests = findRuleTests()
  for (const { rule, tests: cell } of rows) {
    const known = (tests.get(rule) ?? []).map(toCell)
    const named = cell.split('<br>')
    t.ok(named.length > 0, `rule ${rule}`)
    for (const name of named)
      t.ok(known.includes(name), `rule ${rule}: ${name} (node scripts/security-matrix.ts)`)
  }
})
