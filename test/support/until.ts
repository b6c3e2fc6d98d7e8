import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits until the condition holds and returns its value. Throws after `ms`, and says what it waited for: by default the
 * source of the condition. The time is for what hangs: a busy machine needs a part of it.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what = condition.toString(),
  ms = 60_000
): Promise<NonNullable<T>> {
  const end = performance.now() + ms
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await delay(10)
  }
}
