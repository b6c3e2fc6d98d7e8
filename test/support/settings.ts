import { generateKey } from '../../src/app/commands.ts'
import type { Simulator } from '../simulator/simulator.ts'

/** What every Usher in front of the simulator needs: loopback, a session key of its own, and where Plex is. */
export function settingsFor(
  { plexUrl, pmsUrl }: Pick<Simulator, 'plexUrl' | 'pmsUrl'>,
  port: number,
  basePath = ''
): Record<string, string> {
  return {
    USHER_PUBLIC_URL: `http://127.0.0.1:${port}${basePath}`,
    USHER_HOST: '127.0.0.1',
    USHER_PORT: String(port),
    USHER_INTERNAL_HOST: '127.0.0.1',
    USHER_INTERNAL_PORT: '0',
    USHER_SESSION_KEYS: generateKey(Date.now()),
    USHER_PLEX_URL: plexUrl,
    USHER_PLEX_CLIENTS_URL: plexUrl,
    USHER_PLEX_APP_URL: plexUrl,
    USHER_PMS_URL: pmsUrl
  }
}
