/** Bytes: the buffer that every connection has of its own; as much as a whole TLS record. */
export const SMALL_BYTES = 16 * 1024
/** Bytes read at once of a long body: each read is one write to the client, so the larger the fewer. */
export const BIG_BYTES = 256 * 1024
/** Big buffers kept for the next body, 4 MB in all; those of a busier moment are given up. */
const MAX_KEPT = 16

/** The big reading buffers: one pool for the lanes to all servers, since what each kept for itself would add up. */
export interface BufferPool {
  take(): Buffer
  /** Only where nothing reads from or into the buffer any more: its next bytes are somebody else's. */
  give(buffer: Buffer): void
  /** A lane is in use from now on, and no longer: the buffers are dropped when none is (SECURITY rule 73). */
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
 * The buffers of one connection: a small one for heads and short bodies, a big one while a long body comes, and those
 * whose bytes are lent, which are never read into. A class for the reason of `Answer`.
 */
export class ReadBuffers {
  private readonly pool: BufferPool
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

  /** Where the next read goes, after one of a body or of a head, while the client waits for what was read or not. */
  choose(inBody: boolean, paused: boolean, wantsBig: boolean): Buffer {
    if (!inBody) this.shrink()
    else if (paused) this.lend()
    else if (wantsBig) this.grow()
    return this.current
  }

  /** Puts the current buffer aside: its bytes are on their way to a client. */
  private lend(): void {
    this.lent.push(this.current)
    this.toSmall()
  }

  /** Gives every buffer up, the current one too: they go to no other connection. */
  abandon(): void {
    this.lent = []
    this.toSmall()
  }

  /** Everything lent has left. */
  takeBack(): void {
    for (const buffer of this.lent) {
      if (buffer.length > SMALL_BYTES) this.pool.give(buffer)
      else this.spare = buffer
    }
    this.lent = []
  }

  private grow(): void {
    if (this.current.length > SMALL_BYTES) return
    this.spare = this.current
    this.current = this.pool.take()
  }

  shrink(): void {
    if (this.current.length === SMALL_BYTES) return
    this.pool.give(this.current)
    this.toSmall()
  }

  private toSmall(): void {
    this.current = this.spare ?? Buffer.allocUnsafeSlow(SMALL_BYTES)
    this.spare = null
  }
}
