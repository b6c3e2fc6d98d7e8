import type { Transform } from 'node:stream'
import type { BrotliOptions, ZlibOptions, ZstdOptions } from 'node:zlib'
import type { Coding } from './coding.ts'

/** A stream that compresses, and can be told to give out what it has. */
export interface CompressStream extends Transform {
  flush(kind: number, callback?: () => void): void
}

type Size = 'kept' | 'small' | 'medium' | 'large'

/** What is compressed once and kept; what is compressed at once; a list of some hundred films; and more than that. */
const LEVELS: Readonly<Record<Size, Readonly<Record<Coding, number>>>> = {
  kept: { gzip: 9, br: 9, zstd: 12 },
  small: { gzip: 6, br: 5, zstd: 3 },
  medium: { gzip: 5, br: 4, zstd: 3 },
  large: { gzip: 3, br: 4, zstd: 3 }
}
const MEDIUM_MAX_BYTES = 1024 * 1024
/**
 * Binary logarithm of the bytes in which repetitions are found. The default windows of brotli and zstd would cost
 * several megabytes for every stream; with these a stream takes about one.
 */
const WINDOW_BITS = 18
/** Bytes of a piece that a stream gives out. */
const CHUNK_BYTES = 32 * 1024

/** Loaded with the first text: it takes 2 ms of a start. */
const zlib = (): typeof import('node:zlib') => process.getBuiltinModule('node:zlib')

/** A short text, at once. `kept`: it is used again and again, so that it may take longer. */
export function compressWhole(coding: Coding, text: Buffer, size: 'kept' | 'small'): Buffer {
  if (coding === 'zstd') return zlib().zstdCompressSync(text, zstd(size))
  if (coding === 'br') return zlib().brotliCompressSync(text, brotli(size, text.length))
  return zlib().gzipSync(text, gzip(size))
}

/** A longer text, in the thread pool. */
export function compressLater(
  coding: Coding,
  text: Buffer,
  done: (error: Error | null, packed: Buffer) => void
): void {
  if (coding === 'zstd') zlib().zstdCompress(text, zstd('medium'), done)
  else if (coding === 'br') zlib().brotliCompress(text, brotli('medium', text.length), done)
  else zlib().gzip(text, gzip('medium'), done)
}

/** A stream for a text of so many bytes, -1 if nobody knows. */
export function createCompressStream(coding: Coding, length: number): CompressStream {
  const size = length !== -1 && length <= MEDIUM_MAX_BYTES ? 'medium' : 'large'
  if (coding === 'zstd') return zlib().createZstdCompress(zstd(size))
  if (coding === 'br') return zlib().createBrotliCompress(brotli(size, length))
  return zlib().createGzip(gzip(size))
}

/** Makes a stream give out all that it was given. */
export function flushStream(coding: Coding, stream: CompressStream): void {
  const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH, ZSTD_e_flush } = zlib().constants
  const kinds = { gzip: Z_SYNC_FLUSH, br: BROTLI_OPERATION_FLUSH, zstd: ZSTD_e_flush }
  stream.flush(kinds[coding])
}

function gzip(size: Size): ZlibOptions {
  return { level: LEVELS[size].gzip, chunkSize: CHUNK_BYTES }
}

function brotli(size: Size, length: number): BrotliOptions {
  const { constants } = zlib()
  return {
    chunkSize: CHUNK_BYTES,
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: LEVELS[size].br,
      [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
      ...(length !== -1 && { [constants.BROTLI_PARAM_SIZE_HINT]: length })
    }
  }
}

function zstd(size: Size): ZstdOptions {
  const { constants } = zlib()
  return {
    chunkSize: CHUNK_BYTES,
    params: {
      [constants.ZSTD_c_compressionLevel]: LEVELS[size].zstd,
      [constants.ZSTD_c_windowLog]: WINDOW_BITS
    }
  }
}
