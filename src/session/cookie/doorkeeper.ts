export interface Doorkeeper {
  /** Whether the text came before, lately; it counts as come from now on. */
  admits(text: string): boolean
}

/** Characters at the end of a text that tell it from others: of a sealed value they are its tag, as good as random. */
const TOLD_BY = 8

/**
 * Keeps a cache from being filled with what comes once (the "doorkeeper" of TinyLFU): a table of marks, in which a
 * later one replaces an earlier. A mark may stand for two texts, which then both pass; nothing is decided by it.
 */
export function createDoorkeeper(slots: number): Doorkeeper {
  const marks = new Int32Array(slots)
  return {
    admits(text) {
      let mark = 1
      for (let i = Math.max(0, text.length - TOLD_BY); i < text.length; i++) {
        mark = (Math.imul(mark, 31) + text.charCodeAt(i)) | 0
      }
      const slot = (mark >>> 0) % slots
      const known = marks[slot] === mark
      marks[slot] = mark
      return known
    }
  }
}
