import { randomBytes, randomUUID } from 'node:crypto'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Creates and remembers every secret of the simulator, so that leak tests have a complete list. */
export interface Secrets {
  /** `sim-`, the tag, `-tok-` and eight letters or digits: 20 characters like Plex's own. The tag has three letters. */
  mint(tag: string): string
  /** `transient-<uuid>`. */
  mintTransient(): string
  keep(secret: string): string
  all(): string[]
  /** Values that the next `mint(tag)` calls return, in order; `transient` for transient tokens. */
  preset(tag: string, ...values: string[]): void
}

export function createSecrets(): Secrets {
  const issued = new Set<string>()
  const presets = new Map<string, string[]>()
  const keep = (secret: string): string => {
    issued.add(secret)
    return secret
  }
  return {
    mint: (tag) => keep(presets.get(tag)?.shift() ?? `sim-${tag}-tok-${randomText(8)}`),
    mintTransient: () => keep(presets.get('transient')?.shift() ?? `transient-${randomUUID()}`),
    keep,
    all: () => [...issued],
    preset: (tag, ...values) => {
      presets.set(tag, [...(presets.get(tag) ?? []), ...values])
    }
  }
}

export function randomText(length: number, alphabet = ALPHABET): string {
  return Array.from(randomBytes(length), (byte) => alphabet[byte % alphabet.length]).join('')
}
