import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A test and its file, relative to the root of the project. */
export interface RuleTest {
  readonly file: string
  readonly name: string
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DOCUMENT = `${ROOT}docs/security.md`

/** `.test('rule 7: …'` or `.test('rules 18 and 19: …'`; assertion names do not count. */
const TEST = /\.test\(\s*(['"`])(rules? (\d+(?:(?:, | and )\d+)*): (?:\\.|(?!\1)[^\\])*)\1/g

/** The tests of each security rule, found by the numbers that test names begin with. */
export function findRuleTests(): ReadonlyMap<number, readonly RuleTest[]> {
  const found = new Map<number, RuleTest[]>()
  for (const file of globSync('test/**/*.test.ts', { cwd: ROOT }).sort()) {
    for (const [, , name = '', numbers = ''] of readFileSync(ROOT + file, 'utf8').matchAll(TEST)) {
      for (const number of numbers.split(/, | and /).map(Number)) {
        found.set(number, [...(found.get(number) ?? []), { file, name: name.replace(/\\(.)/g, '$1') }])
      }
    }
  }
  return found
}

/** The rows of the tables in docs/security.md. */
export function readRows(): readonly { rule: number; words: string; tests: string }[] {
  return [...readFileSync(DOCUMENT, 'utf8').matchAll(ROW)].map(([, rule, words = '', tests = '']) => ({
    rule: Number(rule),
    words,
    tests
  }))
}

/** A test as a table cell names it. */
export function toCell({ file, name }: RuleTest): string {
  return `\`${file}\`: ${name.replace(/^rules? [^:]*: /, '').replaceAll('|', '\\|')}`
}

const ROW = /^\| (\d+) \| (.*?) \| (.*) \|$/gm

function updateDocument(): void {
  const tests = findRuleTests()
  const text = readFileSync(DOCUMENT, 'utf8').replace(ROW, (_row, rule: string, words: string) => {
    const cells = (tests.get(Number(rule)) ?? []).map(toCell)
    return `| ${rule} | ${words} | ${cells.join('<br>')} |`
  })
  writeFileSync(DOCUMENT, text)
}

if (import.meta.main) updateDocument()
