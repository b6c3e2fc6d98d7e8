import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits until the condition holds and returns its value. Throws after `ms`, and says what it waited for: by default the
 * source of the condition.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what = condition.toString(),
  ms = 15_000
): Promise<NonNullable<T>> {
  const end = performance.now() + ms
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
    await delay(10)
  }
}
