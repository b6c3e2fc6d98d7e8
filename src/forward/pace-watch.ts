import type { Pace } from './pace.ts'

/** A client that has bytes waiting. */
export interface WatchedClient {
  /** Bytes handed to it so far, and how many of them still wait. */
  readonly passed: number
  readonly owed: number
  breakOff(): void
}

/** Runs once a client has been slow, until its response is over. A class for the reason of `Answer`. */
export class PaceWatch {
  private readonly client: WatchedClient
  private readonly pace: Pace
  private readonly timer: NodeJS.Timeout
  /** Bytes that had been taken when the window began. */
  private takenBefore: number

  constructor(client: WatchedClient, pace: Pace) {
    this.client = client
    this.pace = pace
    this.takenBefore = client.passed - client.owed
    this.timer = setTimeout(onWindowEnd, pace.windowMs, this)
  }

  /** A window is over: a client that has bytes waiting and took too few holds what others need. */
  onWindowEnd(): void {
    const { client, pace } = this
    const taken = client.passed - client.owed
    if (client.owed > 0 && taken - this.takenBefore < pace.leastBytes) {
      client.breakOff()
      return
    }
    this.takenBefore = taken
    this.timer.refresh()
  }

  stop(): void {
    clearTimeout(this.timer)
  }
}

const onWindowEnd = (watch: PaceWatch): void => watch.onWindowEnd()
