import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('peers/', import.meta.url))

/** Installs the peers from their lock file, unless that was done since it last changed. */
export function installPeers(): void {
  const installed = `${FOLDER}node_modules/.package-lock.json`
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(`${FOLDER}package-lock.json`).mtimeMs)
    return
  console.log('installing the peers into bench/peers (npm ci)')
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: FOLDER,
    stdio: ['ignore', 'ignore', 'inherit']
  })
  if (status !== 0) throw new Error('npm ci failed in bench/peers')
}
