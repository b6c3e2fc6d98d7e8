export interface Doorkeeper {
  /** Whether the text has been seen recently. It counts as seen from now on. */
  admits(text: string): boolean
}

/**
 * Characters compared, from the end of the text: of a sealed value they belong to its tag, which is as good as
 * random.
 */
const COMPARED = 8

/**
 * Keeps texts that are seen only once out of a cache (the "doorkeeper" of TinyLFU). It is a table of hashes in which
 * a later hash replaces an earlier one. Two texts may share a hash, and then both pass, which costs a cache entry and
 * nothing else.
 */
export function createDoorkeeper(slots: number): Doorkeeper {
  const marks = new Int32Array(slots)
  return {
    admits(text) {
      let mark = 1
      for (let i = Math.max(0, text.length - COMPARED); i < text.length; i++) {
        mark = (Math.imul(mark, 31) + text.charCodeAt(i)) | 0
      }
      const slot = (mark >>> 0) % slots
      const known = marks[slot] === mark
      marks[slot] = mark
      return known
    }
  }
}
