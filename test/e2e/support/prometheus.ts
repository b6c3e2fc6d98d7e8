import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { freePort } from '../../support/ports.ts'
import { requireProgram } from '../../support/programs.ts'
import { until } from '../../support/until.ts'

const run = promisify(execFile)

export interface Prometheus {
  /** The names of alerts that fire now. */
  firing(): Promise<ReadonlySet<string>>
  /** How many series a query gives; throws with Prometheus' own words if it is not well formed. */
  query(text: string): Promise<number>
}

/** `promtool` with these arguments; resolves with what it printed, rejects if it objects. */
export async function promtool(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(requireProgram('promtool'), args, { timeout: 60_000 })
  return stdout
}

/** A real Prometheus that scrapes these targets every second, by rules from a text. */
export async function startPrometheus(
  t: Test,
  dir: string,
  { rules, targets }: { readonly rules: string; readonly targets: readonly string[] }
): Promise<Prometheus> {
  const port = await freePort()
  writeFileSync(join(dir, 'alerts.yml'), rules)
  writeFileSync(
    join(dir, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['alerts.yml'],
      scrape_configs: [{ job_name: 'usher', static_configs: [{ targets }] }]
    })
  )
  const args = [
    `--config.file=${join(dir, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`
  ]
  const child: ChildProcess = spawn(requireProgram('prometheus'), args, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const base = `http://127.0.0.1:${port}`
  await until(
    async () => (await fetch(`${base}/-/ready`).catch(() => null))?.ok,
    'Prometheus is ready',
    30_000
  )
  return {
    async firing() {
      const answer = await fetch(`${base}/api/v1/alerts`)
      const { data } = (await answer.json()) as {
        data: { alerts: { state: string; labels: { alertname: string } }[] }
      }
      const firing = data.alerts.filter(({ state }) => state === 'firing')
      return new Set(firing.map(({ labels }) => labels.alertname))
    },
    async query(text) {
      const answer = await fetch(`${base}/api/v1/query?${new URLSearchParams({ query: text })}`)
      const told = (await answer.json()) as { status: string; error?: string; data: { result: unknown[] } }
      if (told.status !== 'success') throw new Error(`${told.error}: ${text}`)
      return told.data.result.length
    }
  }
}
