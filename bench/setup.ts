import { type Contender, PEERS, proveForwarding, type Running, type Surroundings } from './contender.ts'
import { isInstalled } from './process.ts'
import { type UsherOptions, usherContender } from './usher.ts'

const NEEDS_NGINX = ['nginx', 'nginx-gzip', 'auth-request']
// The peers do not compress: with this, Usher does the same work as they do.
const PLAIN = { USHER_COMPRESS: 'false' }

/**
 * All contenders: nginx first, then Usher (as the peers, on undici alone, without its log line, and compressing as it does
 * by default), then the others.
 */
export function contendersOf(usher: UsherOptions, only: readonly string[]): Contender[] {
  return [
    ...PEERS.slice(0, 1),
    usherContender('usher', 'Usher', usher, PLAIN),
    usherContender('usher-undici', 'Usher on undici alone (USHER_MEDIA_LANE=false)', usher, {
      ...PLAIN,
      USHER_MEDIA_LANE: 'false'
    }),
    usherContender('usher-quiet', 'Usher without its log line', usher, {
      ...PLAIN,
      USHER_LOG_LEVEL: 'silent'
    }),
    usherContender('usher-compressing', 'Usher, compressing', usher),
    ...PEERS.slice(1)
  ].filter(
    ({ id }) =>
      (only.length === 0 || only.includes(id)) && (isInstalled('nginx') || !NEEDS_NGINX.includes(id))
  )
}

/** Starts and checks them one by one; `running` has those that were started even if one fails. */
export async function startContenders(
  contenders: readonly Contender[],
  surroundings: Surroundings,
  running: Running[]
): Promise<void> {
  for (const contender of contenders) {
    const started = await contender.start(surroundings)
    running.push(started)
    await proveForwarding(started, surroundings.upstream)
  }
}
