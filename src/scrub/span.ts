/** What the value is by the grammar, which decides what stays unmasked inside it. */
export type SpanKind = 'json' | 'attribute' | 'element' | 'number' | 'plain'

/** A token's value, from its first byte to after its last. */
export interface Span {
  readonly from: number
  readonly to: number
  readonly kind: SpanKind
}

/**
 * The spans of one field; 'more' if further bytes are needed. A value that its grammar does not bound ends after
 * `VALUE_MAX_BYTES`: anything longer is not a token, and must not delay or swallow the rest of the document.
 */
export type Verdict = readonly Span[] | 'more'

export const NO_SPANS: readonly Span[] = []
/** Bytes of the end of a name, an equals sign or colon, and the white space around it. */
export const HEAD_MAX_BYTES = 256
/** Twice the longest token seen, a JWT of 2 KB. */
export const VALUE_MAX_BYTES = 4096

const MASK = 0x2a // '*'
const ONE = 0x31

// RFC 6750 §2.1, and the percent sign for encoded characters.
const TOKEN_BYTES = toBytes(/[\w.~+/=%-]/)
// Without characters that end a parameter, encoded or not.
const PARAMETER_BYTES = toBytes(/[\w.~*-]/)

/** A table of the ASCII characters that match: 1 for each of them. */
export function toBytes(chars: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) =>
    Number(code < 128 && chars.test(String.fromCharCode(code)))
  )
}

export function isParameterByte(byte: number): boolean {
  return PARAMETER_BYTES[byte] === 1
}

/** Masks the token characters of a span. Escapes and references stay whole, so that the document still parses. */
export function maskSpan(data: Buffer, { from, to, kind }: Span): void {
  for (let at = from; at < to; at++) {
    const byte = data[at] as number
    if (kind === 'number') {
      if (byte >= 0x30 && byte <= 0x39) data[at] = ONE
    } else if (kind === 'json' && byte === 0x5c) {
      at += data[at + 1] === 0x75 ? 5 : 1
    } else if (byte === 0x26 && (kind === 'attribute' || kind === 'element')) {
      at = Math.max(at, data.subarray(at, Math.min(to, at + 12)).indexOf(0x3b) + at)
    } else if (TOKEN_BYTES[byte] === 1) {
      data[at] = MASK
    }
  }
}
