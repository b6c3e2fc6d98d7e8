import { JOIN_BYTES } from '../domain/collected-bytes.ts'
import { malformed } from './lane-errors.ts'
import { addField } from './response-head.ts'

export interface ChunkedDecoder {
  /**
   * Takes the next bytes and passes their data to `emit`: small chunks together, moved within `data`, all others
   * uncopied. Returns how many bytes follow this body, or -1 if it continues. Throws if the coding is broken.
   */
  decode(data: Buffer, emit: (piece: Buffer) => void): number
}

/** Limit for one line of the coding: a size with extensions, or a trailer field. */
const LINE_MAX_BYTES = 4096
/** Limit for all trailer fields. */
const TRAILERS_MAX_BYTES = 16 * 1024
const CR = 0x0d
const LF = 0x0a

// RFC 9112 §7.1. Extensions of plain tokens are skipped; twelve digits are exact in a number.
const SIZE_LINE = /^([0-9A-Fa-f]{1,12})(?:;[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:=[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?)*$/

/** Decodes the chunked coding of one body, strictly by RFC 9112 §7.1. */
export function createChunkedDecoder(): ChunkedDecoder {
  let state: 'size' | 'data' | 'data-end' | 'trailers' = 'size'
  /** Bytes of the chunk still to come. */
  let left = 0
  /** The line so far, and whether it ended with a CR. */
  let line = ''
  let sawCr = false
  let trailerBytes = 0

  /** Continues the current line; returns where it ends, or -1. */
  function readLine(data: Buffer, from: number): number {
    for (let at = from; at < data.length; at++) {
      const byte = data[at]
      if (sawCr) {
        if (byte !== LF) throw malformed('chunk')
        line += data.toString('latin1', from, Math.max(from, at - 1))
        sawCr = false
        return at + 1
      }
      if (byte === LF) throw malformed('chunk')
      if (byte === CR) sawCr = true
      else if (line.length + at - from >= LINE_MAX_BYTES) throw malformed('chunk')
    }
    line += data.toString('latin1', from, sawCr ? Math.max(from, data.length - 1) : data.length)
    return -1
  }

  function takeLine(): string {
    const taken = line
    line = ''
    return taken
  }

  function takeSize(): void {
    const size = SIZE_LINE.exec(takeLine())?.[1]
    if (size === undefined) throw malformed('chunk')
    left = Number.parseInt(size, 16)
    state = left === 0 ? 'trailers' : 'data'
  }

  /** Whether that was the empty line that ends the body. Trailer fields are discarded. */
  function takeTrailer(): boolean {
    const text = takeLine()
    if (text === '') return true
    trailerBytes += text.length
    if (trailerBytes > TRAILERS_MAX_BYTES) throw malformed('trailer')
    const fields: string[] = []
    addField(fields, text)
    // RFC 9110 §6.5.1: fields that frame a message are not allowed here.
    if (fields[0] === 'content-length' || fields[0] === 'transfer-encoding') throw malformed('trailer')
    return false
  }

  /** Decodes to the end of the data, of the body or of what is well-formed; `emit` takes part of the data. */
  function decodeAll(data: Buffer, emit: (from: number, to: number) => void): number {
    let at = 0
    while (at < data.length) {
      if (state === 'data') {
        const to = Math.min(data.length, at + left)
        left -= to - at
        if (left === 0) state = 'data-end'
        emit(at, to)
        at = to
        continue
      }
      at = readLine(data, at)
      if (at === -1) return -1
      if (state === 'size') takeSize()
      else if (state === 'trailers') {
        if (takeTrailer()) return data.length - at
      } else {
        if (takeLine() !== '') throw malformed('chunk')
        state = 'size'
      }
    }
    return -1
  }

  return {
    decode(data, emit) {
      // What is joined so far.
      let from = 0
      let to = 0
      function pass(): void {
        const joined = data.subarray(from, to)
        from = to
        if (joined.length > 0) emit(joined)
      }
      try {
        return decodeAll(data, (start, end) => {
          if (to > from && end - start < JOIN_BYTES) {
            data.copyWithin(to, start, end)
            to += end - start
            return
          }
          pass()
          from = start
          to = end
        })
      } finally {
        pass()
      }
    }
  }
}
