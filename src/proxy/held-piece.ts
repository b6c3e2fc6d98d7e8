/** The first piece of a body, while it waits for the head to leave with it; a text has one character a byte. */
export type HeldPiece = Buffer | string

/**
 * Bytes of a body that leaves as text. Node joins a text to the head and sends both by one plain write, where a buffer
 * beside a head takes a gathered one. Head and text together stay below 16 KB, beyond which that is no gain.
 */
const TEXT_MAX_BYTES = 12 * 1024

/** The piece as it can wait: a `lent` one is somebody else's memory, which is read into again. */
export function toHeld(piece: Buffer, lent: boolean): HeldPiece {
  if (piece.length <= TEXT_MAX_BYTES) return piece.toString('latin1')
  return lent ? Buffer.from(piece) : piece
}

/** The whole body of which `rest` is the end; null where there is none. */
export function joinHeld(held: HeldPiece | null, rest: Buffer | null): HeldPiece | null {
  if (rest === null || rest.length === 0) return held
  if (held === null) return rest
  return typeof held === 'string' ? held + rest.toString('latin1') : Buffer.concat([held, rest])
}
