import type { Coding } from '../compress/coding.ts'
import { type CompressStream, createCompressStream, flushStream } from '../compress/compress.ts'
import type { Load } from './loads.ts'

/**
 * Compressors that one account may have at work, which is what a browser asks for at once over HTTP/1.1, and all
 * together: each takes about a megabyte, and a turn of the thread pool for every piece. A text beyond that leaves as
 * it is.
 */
const MAX_PER_ACCOUNT = 6
const MAX = 48
/** After this long without another piece, what a compressor holds is given out: a subtitle may arrive as it is spoken. */
const PAUSE_MS = 200

/** The compressors of one forwarder. */
export class Compressors {
  private active = 0

  /** A compressor for a text of so many bytes, -1 if nobody knows; null if there are too many. */
  open(coding: Coding, length: number, load: Load, side: CompressedSide): Compressor | null {
    if (this.active >= MAX || load.compressors >= MAX_PER_ACCOUNT) return null
    this.active += 1
    load.compressors += 1
    const stream = createCompressStream(coding, length)
    stream.once('close', () => {
      this.active -= 1
      load.compressors -= 1
    })
    return new Compressor(coding, stream, side)
  }
}

/** Who gets what a compressor makes. */
export interface CompressedSide {
  /** Returns true if the compressor should wait for `resume`. */
  onCompressed(piece: Buffer): boolean
  /** All that was written has been taken: more may come. */
  onTaken(): void
  onCompressedEnd(): void
  breakOff(): void
}

/** Compresses one body, in the thread pool. A class for the reason of `Answer`. */
export class Compressor {
  private readonly coding: Coding
  private readonly stream: CompressStream
  private readonly side: CompressedSide
  private readonly onTaken: () => void
  /** Pieces that the stream has not taken yet. */
  private pending = 0
  /** Whether it has been given anything since the last flush. */
  private isDirty = false
  private timer: NodeJS.Timeout | null = null

  constructor(coding: Coding, stream: CompressStream, side: CompressedSide) {
    this.coding = coding
    this.stream = stream
    this.side = side
    this.onTaken = () => this.taken()
    stream.on('data', (piece: Buffer) => {
      if (side.onCompressed(piece)) stream.pause()
    })
    stream.on('end', () => {
      this.stopTimer()
      side.onCompressedEnd()
    })
    stream.on('error', () => side.breakOff())
  }

  /** The piece must stay as it is: the thread pool reads it later. */
  write(piece: Buffer): void {
    this.pending += 1
    this.isDirty = true
    this.stream.write(piece, this.onTaken)
  }

  end(rest: Buffer | null): void {
    this.stopTimer()
    if (rest === null) this.stream.end()
    else this.stream.end(rest)
  }

  /** Nothing more is coming for now. */
  wait(): void {
    if (this.isDirty) this.timer ??= setTimeout(onPause, PAUSE_MS, this)
  }

  resume(): void {
    this.stream.resume()
  }

  destroy(): void {
    this.stopTimer()
    this.stream.destroy()
  }

  onPause(): void {
    this.timer = null
    if (!this.isDirty) return
    if (this.pending > 0) {
      this.wait()
      return
    }
    this.isDirty = false
    flushStream(this.coding, this.stream)
  }

  private taken(): void {
    this.pending -= 1
    if (this.pending === 0 && !this.stream.destroyed) this.side.onTaken()
  }

  private stopTimer(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
  }
}

const onPause = (compressor: Compressor): void => compressor.onPause()
