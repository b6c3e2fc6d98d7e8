import { readFileSync } from 'node:fs'
import t from 'tap'
import { toPolicyPage } from '../scripts/policy-table.ts'
import { POLICY_TABLE } from '../src/forward/policy-table.ts'

t.test('docs/reference/policy.md is what the table says', async (t) => {
  const page = readFileSync(new URL('../docs/reference/policy.md', import.meta.url), 'utf8')
  t.equal(page, toPolicyPage(POLICY_TABLE), 'node scripts/policy-table.ts')
  t.match(page, /\| GET \| `\/library\/parts\/\{ids\}\/\{any\}\/\{any\}` \| media \|/)
})
