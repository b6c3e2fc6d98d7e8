import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { freePort } from './support/ports.ts'
import { findProgram, skipWithout } from './support/programs.ts'

const ROOT = join(import.meta.dirname, '..')
/** The ports of the page; each run has its own. */
const PORTS = ['8000', '8080', '3000', '9400', '9401']

/** A second may be too short: until the workers of before are gone, any of them may answer. */
const RELOAD = [
  'workers=$(grep -ls "^PPid:\\s*$(cat nginx.pid)$" /proc/[0-9]*/status)\n',
  '$1',
  'for worker in $workers; do while [ -e "$worker" ]; do sleep 0.1; done; done\n'
].join('')

interface Step {
  readonly commands: string
  /** What the page says they print. */
  readonly output: string
}

/** The commands of the page in order, each with the output that follows it. */
function readSteps(): readonly Step[] {
  const page = readFileSync(join(ROOT, 'docs/tutorial.md'), 'utf8')
  const blocks = [...page.matchAll(/^```(sh|text)\n(.*?)^```$/gms)].map(([, kind, text = '']) => ({
    kind,
    text
  }))
  return blocks.flatMap(({ kind, text }, index) => {
    const next = blocks[index + 1]
    return kind === 'sh' ? [{ commands: text, output: next?.kind === 'text' ? next.text : '' }] : []
  })
}

t.test(
  'docs/tutorial.md works as written',
  { skip: skipWithout('nginx', 'curl'), timeout: 300_000 },
  async (t) => {
    const folder = t.testdir({})
    const ports = new Map<string, string>()
    for (const port of PORTS) ports.set(port, String(await freePort()))
    const replace = (text: string, from: readonly [string, string][]) =>
      from.reduce((all, [a, b]) => all.replace(new RegExp(`(?<!usher:)\\b${a}\\b`, 'g'), b), text)
    const here = (text: string) =>
      replace(text, [...ports])
        // From the sources: the build has a test of its own.
        .replaceAll('../dist/src/server.js', join(ROOT, 'src/server.ts'))
        .replaceAll('../test/', `${ROOT}/test/`)
        .replaceAll('../examples/', `${ROOT}/examples/`)
        .replace(/(.* -s reload\n)sleep 1\n/, RELOAD)
        .replace(
          'USHER_HOST=127.0.0.1\n',
          `USHER_HOST=127.0.0.1\nUSHER_PORT=${ports.get('8080')}\nUSHER_INTERNAL_PORT=0\n`
        )
    const there = (text: string) =>
      replace(
        text,
        [...ports].map(([a, b]) => [b, a] as [string, string])
      )

    const folders = [process.execPath, findProgram('nginx'), findProgram('curl')].map((path) =>
      dirname(path ?? '')
    )
    const shell = spawn('bash', ['-m'], {
      cwd: folder,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: [...folders, '/usr/bin', '/bin'].join(':'), HOME: folder }
    })
    t.teardown(async () => {
      shell.stdin.end('nginx -p "$PWD/" -c nginx.conf -e nginx.log -s stop; kill %1 %2 %3; exit\n')
      if (shell.exitCode === null) await once(shell, 'exit')
    })
    let complaints = ''
    shell.stderr.on('data', (chunk: Buffer) => {
      complaints += chunk.toString()
    })

    /** Runs commands in the one shell, and gives what they print. */
    function run(commands: string): Promise<string> {
      const { promise, resolve } = Promise.withResolvers<string>()
      const mark = '=== done ==='
      let output = ''
      const listen = (chunk: Buffer) => {
        output += chunk.toString()
        if (!output.endsWith(`${mark}\n`)) return
        shell.stdout.off('data', listen)
        resolve(output.slice(0, -mark.length - 1))
      }
      shell.stdout.on('data', listen)
      shell.stdin.write(`${commands}\necho '${mark}'\n`)
      return promise
    }

    const steps = readSteps()
    t.ok(steps.length > 8, `${steps.length} steps`)
    for (const { commands, output } of steps)
      t.equal(there(await run(here(commands))), output, `${commands.slice(0, 60)} ${complaints}`)
  }
)
