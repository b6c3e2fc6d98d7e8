import { setTimeout as delay } from 'node:timers/promises'

/** Waits until the condition holds, and gives its value; throws with `what` when it does not within `ms`. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
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
