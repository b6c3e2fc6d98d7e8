import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { isInstalled } from './process.ts'

/** Debian programs that the benchmark uses, and what is left out without each. */
const WANTED = {
  taskset: 'nothing can be measured without it (apt-get install util-linux)',
  wrk: 'nothing can be measured without it (apt-get install wrk)',
  nginx: 'no ratio to nginx or to auth_request, and a stub in Node is the upstream (apt-get install nginx)'
} as const

/** One sentence for each missing program. */
export function missingPrograms(): string[] {
  return Object.entries(WANTED)
    .filter(([program]) => !isInstalled(program))
    .map(([program, consequence]) => `${program} is missing: ${consequence}`)
}

/** What the figures depend on, without a name or a path of the machine. */
export function describeMachine(): Record<string, string> {
  return {
    node: process.version,
    nginx: versionOf('nginx', '-v'),
    wrk: versionOf('wrk', '-v'),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: String(cpus().length)
  }
}

function versionOf(program: string, flag: string): string {
  const { stdout, stderr } = spawnSync(program, [flag], { encoding: 'utf8' })
  return /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? 'missing'
}
