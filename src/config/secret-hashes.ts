import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import type { Report } from './entries.ts'

/** `sha256:<hex>` of a secret's text; two during a rotation. */
export const SecretHashes = Type.Array(Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }), {
  minItems: 1,
  maxItems: 2
})

export const SECRET_HASHES_WORDS =
  'secretHashes must be one or two of sha256: and 64 lower-case hexadecimal digits'

/** `sha256:` and the hexadecimal digest of a secret's UTF-8 text, as settings contain it. */
export function hashSecret(secret: string): string {
  return `sha256:${createHash('sha256').update(secret).digest('hex')}`
}

/** Reports hashes that repeat, that an earlier entry has, or whose secret is one that anybody would try. */
export function checkHashes(
  hashes: readonly string[],
  earlier: readonly { readonly secretHashes: readonly string[] }[],
  report: Report,
  generate: string
): void {
  const used = earlier.flatMap(({ secretHashes }) => secretHashes)
  if (new Set(hashes).size < hashes.length) report('secretHashes repeat themselves')
  if (hashes.some((hash) => used.includes(hash))) report('shares a secret with an earlier entry')
  if (hashes.some(isGuessable)) report(`has the hash of a guessable secret; use ${generate}`)
}

function isGuessable(hash: string): boolean {
  return ['', 'secret', 'password', 'changeme', 'change-me', 'test', 'usher'].some(
    (secret) => hashSecret(secret) === hash
  )
}
