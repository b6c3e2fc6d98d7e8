import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { type Simulator, startSimulator } from '../../../simulator/simulator.ts'
import { type Browser, createBrowser } from '../../../support/browser.ts'
import { freePort } from '../../../support/ports.ts'
import { settingsFor } from '../../../support/settings.ts'
import { PASSWORD } from '../../../support/usher.ts'

export interface Load {
  readonly url: string
  readonly simulator: Simulator
  /** Bytes of Usher's process. */
  residentBytes(): Promise<number>
  signedIn(login: string): Promise<Browser>
}

/**
 * Usher and a small fast media server in processes of their own; plex.tv is the simulator in this one. Usher runs as
 * it does anywhere: nothing collects its garbage but itself.
 */
export async function startLoad(t: Test, settings: Readonly<Record<string, string>> = {}): Promise<Load> {
  const simulator = await startSimulator()
  const identity = await (
    await fetch(`${simulator.pmsUrl}/identity`, { headers: { accept: 'application/json' } })
  ).json()
  const { machineIdentifier } = (identity as { MediaContainer: { machineIdentifier: string } }).MediaContainer
  const upstream = await start('upstream-process.ts', [machineIdentifier], { PATH: process.env['PATH'] })
  const port = await freePort()
  const usher = await start('usher-process.ts', [], {
    PATH: process.env['PATH'],
    ...settingsFor(simulator, port),
    USHER_PMS_URL: upstream.url,
    ...settings
  })
  t.teardown(async () => {
    usher.child.send('stop')
    await once(usher.child, 'exit')
    upstream.child.disconnect()
    await once(upstream.child, 'exit')
    await simulator.close()
  })
  return {
    url: usher.url,
    simulator,
    async residentBytes() {
      usher.child.send('memory')
      const [{ rss }] = (await once(usher.child, 'message')) as [{ rss: number }]
      return rss
    },
    async signedIn(login) {
      const browser = createBrowser(usher.url)
      const { status, text } = await browser.post('/session/login', { login, password: PASSWORD })
      if (status !== 201) throw new Error(`sign-in of ${login} answered ${status} ${text}`)
      return browser
    }
  }
}

async function start(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv
): Promise<{ child: ChildProcess; url: string }> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  // tap counts coverage by NODE_OPTIONS, which costs half as much again.
  const plain = ['-u', 'NODE_OPTIONS', process.execPath, path, ...args]
  const child = spawn('env', plain, { env, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] })
  const [{ url }] = (await once(child, 'message')) as [{ url: string }]
  return { child, url }
}
