/** An approximate clock, read once for all connections of a lane, because reading it costs more than its use. */
export interface Clock {
  /** Milliseconds of performance.now(), at most `tickMs` ago. */
  now: number
  readonly tickMs: number
}

/** A deadline: never early, at most two ticks late. A class for the reason of `Answer`. */
export class Deadline {
  private readonly clock: Clock
  private limitMs = Number.POSITIVE_INFINITY
  private at = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Starts it, in milliseconds; 0 for no limit. */
  start(limitMs: number): void {
    this.limitMs = limitMs > 0 ? limitMs + this.clock.tickMs : Number.POSITIVE_INFINITY
    this.extend()
  }

  /** Starts it again with the same time. */
  extend(): void {
    this.at = this.clock.now + this.limitMs
  }

  get isOver(): boolean {
    return this.clock.now >= this.at
  }
}
