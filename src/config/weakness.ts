const PLACEHOLDER = new RegExp(
  [
    'change.?me|change.?this|replace.?(me|this|with)|placeholder|password|insert.?(here|key|token)|example',
    'default.?key|your.?(key|secret|token)|secret.?key|my.?secret|x{8}|0{8}'
  ].join('|'),
  'i'
)

/** Whether a secret's text comes from a sample file (SECURITY rule 9). */
export function isPlaceholder(text: string): boolean {
  return PLACEHOLDER.test(text)
}

/**
 * Why 32 bytes do not look random; null if they do. It refuses fewer than one in a million keys that really are
 * random.
 */
export function weakness(bytes: Buffer, text: string): string | null {
  if (isPeriodic(bytes)) return 'repeats itself'
  if (new Set(bytes).size <= 16 || new Set(text).size <= 16) return 'has too few different characters'
  if (hasEvenSteps(bytes)) return 'counts up or down'
  if (bytes.every((byte) => byte >= 0x20 && byte <= 0x7e)) return 'is readable text'
  if (!/[A-Z]/.test(text) || !/[a-z]/.test(text)) return 'is text of one case'
  if (isPlaceholder(text)) return 'is a placeholder'
  return null
}

function isPeriodic(bytes: Buffer): boolean {
  for (let period = 1; period <= bytes.length / 2; period++) {
    if (bytes.subarray(period).equals(bytes.subarray(0, bytes.length - period))) return true
  }
  return false
}

/** Whether most neighbouring bytes differ by the same amount, modulo 256, as in 0, 1, 2, … */
function hasEvenSteps(bytes: Buffer): boolean {
  const counts = new Map<number, number>()
  for (const [index, byte] of bytes.entries()) {
    const step = (byte - (bytes[index - 1] ?? byte) + 256) % 256
    if (index > 0) counts.set(step, (counts.get(step) ?? 0) + 1)
  }
  return Math.max(...counts.values()) > bytes.length / 2
}
