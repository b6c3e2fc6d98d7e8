import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { requireProgram } from './programs.ts'
import { until } from './until.ts'

/**
 * The nginx of `examples/scale` in front of these instances, on a loopback port: the shipped file with the names and
 * paths of the compose network replaced.
 */
export async function startNginx(
  t: Test,
  port: number,
  instances: readonly [string, string]
): Promise<string> {
  const program = requireProgram('nginx')
  const folder = t.testdir({})
  const example = await readFile(new URL('../../examples/scale/nginx.conf', import.meta.url), 'utf8')
  const [first, second] = instances.map((url) => new URL(url).host)
  const replaced = example
    .replace('usher-1:8080', first ?? '')
    .replace('usher-2:8080', second ?? '')
    .replace('listen 8080', `listen 127.0.0.1:${port}`)
    .replaceAll('/tmp/', `${folder}/`)
    .replace('/dev/stdout', `${folder}/access.log`)
  const file = join(folder, 'nginx.conf')
  await writeFile(file, replaced)
  const child = spawn(program, ['-p', folder, '-c', file, '-g', 'daemon off;'], {
    stdio: ['ignore', 'ignore', 'pipe']
  })
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString()
  })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await exited
  })
  const url = `http://127.0.0.1:${port}`
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${complaints}`)
    const answer = await fetch(`${url}/nginx-health`).catch(() => null)
    return answer?.status === 204
  }, 'nginx answers')
  return url
}
