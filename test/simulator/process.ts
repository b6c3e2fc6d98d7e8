import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { connectSimulator, type RemoteSimulator } from './control-client.ts'

export interface SimulatorProcess {
  readonly simulator: RemoteSimulator
  readonly controlUrl: string
  readonly pid: number
  /** Sends a signal, for example `SIGSTOP` and `SIGCONT`. */
  signal(name: NodeJS.Signals): void
  close(): Promise<void>
}

/** Starts `main.ts` in its own process and connects to it; `args` is its command line. */
export async function spawnSimulator(args: readonly string[] = []): Promise<SimulatorProcess> {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, '--until-stdin-ends', ...args], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const first = await Promise.race([once(lines, 'line'), exited.then(() => null)])
  if (first === null) throw new Error('the simulator ended before it listened')
  const { controlUrl, pid } = JSON.parse(String(first[0])) as { controlUrl: string; pid: number }
  return {
    simulator: await connectSimulator(controlUrl),
    controlUrl,
    pid,
    signal: (name) => {
      child.kill(name)
    },
    close: async () => {
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      await exited
    }
  }
}
