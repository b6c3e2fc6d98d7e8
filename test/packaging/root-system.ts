import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { requireProgram } from '../support/programs.ts'

const run = promisify(execFile)

/** What the runtime is linked against, and certificates: what node:26-bookworm-slim has beside Debian's minimum. */
const PACKAGES = 'ca-certificates,libatomic1,libstdc++6'

/** A folder that goes with the test. */
export function temporaryFolder(t: Test, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `usher-${name}-`))
  t.teardown(() => run('rm', ['-rf', folder]))
  return folder
}

/** A fresh, minimal Debian as a tar archive; takes about a minute and needs root. */
export async function makeRootArchive(folder: string): Promise<string> {
  const archive = join(folder, 'root.tar')
  const program = requireProgram('mmdebstrap')
  await run(program, ['--quiet', '--variant=minbase', `--include=${PACKAGES}`, 'bookworm', archive], {
    timeout: 400_000
  })
  return archive
}
