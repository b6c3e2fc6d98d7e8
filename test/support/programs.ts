import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where Debian keeps system programs; not in every PATH. */
const FURTHER = ['/usr/sbin', '/usr/local/sbin']

/** Where a program is; undefined if it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...FURTHER]
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

/**
 * For a test's `skip`: the reason if a program is missing, else false. Throws instead if nothing may be skipped
 * (USHER_TEST_REQUIRE=all).
 */
export function skipWithout(...names: readonly string[]): string | false {
  const missing = names.filter((name) => findProgram(name) === undefined)
  if (missing.length === 0) return false
  const reason = `${missing.join(' and ')} not installed`
  if (process.env['USHER_TEST_REQUIRE'] === 'all') throw new Error(reason)
  return reason
}

/** Where a program is; throws if it is not installed. */
export function requireProgram(name: string): string {
  const path = findProgram(name)
  if (path === undefined) throw new Error(`${name} not installed`)
  return path
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Missing or not executable: either way it cannot be used.
    return false
  }
}
