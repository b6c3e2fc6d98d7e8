import type { Store } from './store.ts'

/**
 * Takes a lease for `durationMs`, or extends it if this holder has it. Returns whether the holder has it: one of
 * several instances does the work that the name stands for, and another takes over when it stops.
 */
export async function takeLease(
  store: Pick<Store, 'get' | 'commit'>,
  { name, holder, durationMs, now }: { name: string; holder: string; durationMs: number; now: number }
): Promise<boolean> {
  const value = await store.get({ kind: 'lease', key: name })
  if (value !== null && value !== holder) return false
  return store.commit({
    when: [{ kind: 'lease', key: name, value }],
    put: [{ kind: 'lease', key: name, value: holder, expiresAt: now + durationMs }]
  })
}
