import { type Contender, PEERS, proveForwarding, type Running, type Surroundings } from './contender.ts'
import { isInstalled } from './process.ts'
import { type UsherOptions, usherContender } from './usher.ts'

/** All contenders: nginx first, then Usher (by default, on undici alone, and without its log line), then the others. */
export function contendersOf(usher: UsherOptions, only: readonly string[]): Contender[] {
  const needsNginx = ['nginx', 'auth-request']
  return [
    ...PEERS.slice(0, 1),
    usherContender('usher', 'Usher', usher),
    usherContender('usher-undici', 'Usher on undici alone (USHER_MEDIA_LANE=false)', usher, {
      USHER_MEDIA_LANE: 'false'
    }),
    usherContender('usher-quiet', 'Usher without its log line', usher, { USHER_LOG_LEVEL: 'silent' }),
    ...PEERS.slice(1)
  ].filter(
    ({ id }) => (only.length === 0 || only.includes(id)) && (isInstalled('nginx') || !needsNginx.includes(id))
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
