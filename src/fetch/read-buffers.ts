/** Bytes of the buffer that each connection begins with: a whole TLS record. */
export const SMALL_BYTES = 16 * 1024
/** Bytes of it after a longer body: the next list of films then takes one read and one write instead of two. */
export const MEDIUM_BYTES = 80 * 1024
/** Bytes of one read of a long body. Each read is one write to the client, so larger ones mean fewer writes. */
export const BIG_BYTES = 256 * 1024
/** Big buffers kept for the next body, 4 MB in all; more are released. */
const MAX_KEPT = 16

/** The big read buffers: one pool for all lanes, because a pool for each would add up. */
export interface BufferPool {
  take(): Buffer
  /** Only when nothing reads from or into the buffer any more: its next bytes belong to somebody else. */
  give(buffer: Buffer): void
  /** Called when a lane comes into use and goes out of it; without any, the buffers are dropped (SECURITY rule 73). */
  enter(): void
  leave(): void
}

export function createBufferPool(): BufferPool {
  let kept: Buffer[] = []
  let users = 0
  return {
    take: () => kept.pop() ?? Buffer.allocUnsafeSlow(BIG_BYTES),
    give(buffer) {
      if (users > 0 && kept.length < MAX_KEPT) kept.push(buffer)
    },
    enter() {
      users += 1
    },
    leave() {
      users -= 1
      if (users === 0) kept = []
    }
  }
}

/**
 * The buffers of one connection: its own for header sections and short bodies, a big one during a long body, and those
 * whose bytes are lent, which are not read into. A class for the reason of `Answer`.
 */
export class ReadBuffers {
  private readonly pool: BufferPool
  private ownBytes = SMALL_BYTES
  private current: Buffer = Buffer.allocUnsafeSlow(SMALL_BYTES)
  private spare: Buffer | null = null
  private lent: Buffer[] = []

  constructor(pool: BufferPool) {
    this.pool = pool
  }

  /** Where the next read goes. */
  get next(): Buffer {
    return this.current
  }

  /** Chooses the buffer for the next read, by what was read last and whether the client is waiting for it. */
  choose(inBody: boolean, paused: boolean, wantsBig: boolean): Buffer {
    if (!inBody) this.shrink()
    else if (paused) this.lend()
    else if (wantsBig) this.grow()
    return this.current
  }

  /** Sets the current buffer aside: its bytes are on their way to a client. */
  private lend(): void {
    this.lent.push(this.current)
    this.toOwn()
  }

  /** Gives up every buffer, the current one included: no other connection gets them. */
  abandon(): void {
    this.lent = []
    this.toOwn()
  }

  /** All lent bytes have been written. */
  takeBack(): void {
    for (const buffer of this.lent) this.release(buffer)
    this.lent = []
  }

  private grow(): void {
    this.ownBytes = MEDIUM_BYTES
    if (this.current.length === BIG_BYTES) return
    this.spare = this.current
    this.current = this.pool.take()
  }

  shrink(): void {
    if (this.current.length === this.ownBytes) return
    this.release(this.current)
    this.toOwn()
  }

  private release(buffer: Buffer): void {
    if (buffer.length === BIG_BYTES) this.pool.give(buffer)
    else if (buffer.length === this.ownBytes) this.spare = buffer
  }

  private toOwn(): void {
    this.current = this.spare?.length === this.ownBytes ? this.spare : Buffer.allocUnsafeSlow(this.ownBytes)
    this.spare = null
  }
}
