/** When something has taken too long, on the clock of performance.now(). A class for the reason of `Answer`. */
export class Deadline {
  private limitMs = Number.POSITIVE_INFINITY
  private at = Number.POSITIVE_INFINITY

  /** From now on it may take so many milliseconds; 0 for no limit. */
  start(limitMs: number): void {
    this.limitMs = limitMs > 0 ? limitMs : Number.POSITIVE_INFINITY
    this.extend()
  }

  /** As many again, from now on. */
  extend(): void {
    this.at = performance.now() + this.limitMs
  }

  isOver(now: number): boolean {
    return now >= this.at
  }
}
