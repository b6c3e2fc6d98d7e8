// npm run mutate -- src/seal/seal.ts [test/src/seal/seal.test.ts …]
// Changes one point of a source file at a time and runs its unit tests: what survives is not held by any test. Without
// tests named, those that mirror the file run, or those of its folder where it has none of its own. Not part of CI.
import { existsSync, globSync } from 'node:fs'
import { dirname } from 'node:path'
import { argv, exit, stderr } from 'node:process'
import { Stryker } from '@stryker-mutator/core'

const [file, ...named] = argv.slice(2)
if (file === undefined || !existsSync(file)) {
  stderr.write('usage: npm run mutate -- FILE [TEST …]\n')
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
  mutate: [file],
  coverageAnalysis: 'perTest',
  // Its preprocessor for tsconfig files does not know TypeScript 7: it is given a name that no file has.
  tsconfigFile: 'none.json',
  reporters: ['clear-text'],
  clearTextReporter: { logTests: false, reportTests: false, allowColor: false },
  ignoreStatic: true,
  concurrency: 2,
  tempDirName: '.stryker',
  timeoutMS: 10_000,
  // What is changed cannot make the process hang for longer than this, whatever a test waits for.
  dryRunTimeoutMinutes: 3
}).runMutationTest()
