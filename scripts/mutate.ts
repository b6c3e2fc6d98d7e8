// npm run mutate -- src/seal/seal.ts [test/src/seal/seal.test.ts …]
// npm run mutate -- src/seal/seal.ts:90-110
// Changes one point of a source file at a time and runs its unit tests; a mutant that survives is tested by nothing.
// Without test arguments, the test that mirrors the file runs, or else those of its folder. Not part of CI.
import { existsSync, globSync } from 'node:fs'
import { dirname } from 'node:path'
import { argv, exit, stderr } from 'node:process'
import { Stryker } from '@stryker-mutator/core'

const [mutated = '', ...named] = argv.slice(2)
const file = mutated.replace(/:\d+-\d+$/, '')
if (!existsSync(file)) {
  stderr.write('usage: npm run mutate -- FILE[:FIRST-LAST] [TEST …]\n')
  exit(2)
}

function mirrorOf(source: string): readonly string[] {
  const own = `test/${source.replace(/\.ts$/, '.test.ts')}`
  return existsSync(own) ? [own] : globSync(`test/${dirname(source)}/*.test.ts`)
}

const tests = named.length > 0 ? named : mirrorOf(file)
if (tests.length === 0) {
  stderr.write(`no test mirrors ${file}; name one\n`)
  exit(2)
}

await new Stryker({
  testRunner: 'tap',
  tap: { testFiles: [...tests], nodeArgs: ['--no-warnings'], forceBail: true },
  plugins: ['@stryker-mutator/tap-runner'],
  mutate: [mutated],
  coverageAnalysis: 'perTest',
  // Stryker's tsconfig preprocessor does not support TypeScript 7, so it gets a file name that does not exist.
  tsconfigFile: 'none.json',
  reporters: ['clear-text'],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false },
  ignoreStatic: true,
  concurrency: 2,
  tempDirName: '.stryker',
  timeoutMS: 10_000,
  // No mutant can hang the process for longer than this, whatever a test waits for.
  dryRunTimeoutMinutes: 3
}).runMutationTest()
