import type { Seal } from '../seal/seal.ts'

/** Values of the store that a dump must not reveal: names, networks, addresses. */
export interface SealedJson {
  write(value: object): string
  /** Null where no key of the ring opens it. */
  read<T>(text: string): { readonly value: T; readonly isNewest: boolean } | null
}

export function createSealedJson(seal: Pick<Seal, 'seal' | 'unseal'>): SealedJson {
  return {
    write: (value) => seal.seal('kept', JSON.stringify(value)),
    read<T>(text: string) {
      const unsealed = seal.unseal('kept', text)
      if (typeof unsealed === 'string' || typeof unsealed.value !== 'string') return null
      return { value: JSON.parse(unsealed.value) as T, isNewest: unsealed.newest }
    }
  }
}
