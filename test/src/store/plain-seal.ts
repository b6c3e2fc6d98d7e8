import type { NameSeal } from '../../../src/store/redis-names.ts'

/** A seal that anybody opens, for tests of what stands behind it. */
export const plainSeal: NameSeal = {
  seal: (value) => `plain ${value}`,
  unseal: (text) => (text.startsWith('plain ') ? { value: text.slice(6), newest: true } : null)
}
