import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Packages that the build leaves beside the bundle: each reads files of its own, and is loaded only where it is used.
 */
export const EXTERNAL: readonly string[] = ['@fastify/swagger-ui', 'oidc-provider']

/** Packages that the code requires at the moment when it needs them, and the bundle therefore does not hold. */
export const LATE: readonly string[] = ['bowser', 'ioredis', 'tldts']

/** Packages whose files the sign-in page gives to browsers. The build copies these; what is packaged needs their licences. */
export const SERVED: readonly string[] = [
  'uqr',
  '@fontsource-variable/figtree',
  '@fontsource/instrument-serif'
]

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>
}

/**
 * Folders of the packages above and of everything they need, as the lock file has them:
 * `node_modules/…`.
 */
export function externalFolders(root: string): readonly string[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>
  }
  const folders = new Set<string>()

  /** As Node looks for it: in the folder's own node_modules first, then one level up after the other. */
  function resolve(name: string, from: string): string | undefined {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
      const folder = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
      if (folder in lock.packages) return folder
      if (at === '') return undefined
    }
  }

  function add(name: string, from: string): void {
    const folder = resolve(name, from)
    if (folder === undefined || folders.has(folder)) return
    folders.add(folder)
    for (const needed of Object.keys(lock.packages[folder]?.dependencies ?? {})) add(needed, folder)
  }

  for (const name of [...EXTERNAL, ...LATE, ...SERVED]) add(name, '')
  return [...folders].sort()
}
