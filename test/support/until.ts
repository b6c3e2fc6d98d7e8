import { setTimeout as delay } from 'node:timers/promises'

/**
 * Waits until the condition holds, and gives its value. Throws when it does not within `ms`, and names what it waited
 * for: by default the condition's own source.
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
