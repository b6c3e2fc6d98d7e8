/** What time it is, nearly: looked at once for all connections of a lane, since asking costs more than what it is for. */
export interface Clock {
  /** Milliseconds of performance.now(), at most `tickMs` ago. */
  now: number
  readonly tickMs: number
}

/** When something has taken too long: never early, and late by two ticks at most. A class for the reason of `Answer`. */
export class Deadline {
  private readonly clock: Clock
  private limitMs = Number.POSITIVE_INFINITY
  private at = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** From now on it may take so many milliseconds; 0 for no limit. */
  start(limitMs: number): void {
    this.limitMs = limitMs > 0 ? limitMs + this.clock.tickMs : Number.POSITIVE_INFINITY
    this.extend()
  }

  /** As many again, from now on. */
  extend(): void {
    this.at = this.clock.now + this.limitMs
  }

  get isOver(): boolean {
    return this.clock.now >= this.at
  }
}
