/**
 * Waits for the work, but no longer than so many milliseconds; what it rejects with is thrown. A stop must come to its end
 * even if a client library waits for an event that has passed.
 */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
