import { X509Certificate } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { extname, resolve } from 'node:path'
import { Invalid } from './setting.ts'

export interface Picture {
  /** Media type. */
  readonly type: string
  readonly body: Buffer
}

const MOST_BYTES = 262_144

/** The text of a secret's file, without one newline at its end (editors and `echo` add it). */
export function readSecretFile(path: string): string {
  const text = read(path)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (text === '') throw new Invalid('names a file that is empty')
  return text
}

/**
 * Writes a secret that only the file's owner can read. A concurrent reader gets the old text or the new, never a
 * part.
 */
export function writeSecretFile(path: string, secret: string): void {
  const fresh = `${path}.${process.pid}`
  try {
    writeFileSync(fresh, `${secret}\n`, { mode: 0o600, flag: 'wx' })
    renameSync(fresh, path)
  } catch (error) {
    rmSync(fresh, { force: true })
    throw new Invalid(`names a file that cannot be written (${codeOf(error)})${whose(path)}`)
  }
}

/** PEM text of one or more certificates, and of nothing else that the file contains. */
export function readCertificates(path: string): string {
  const text = read(path).toString('latin1')
  if (/PRIVATE KEY-----/.test(text)) throw new Invalid('names a file with a private key; certificates only')
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new Invalid('names a file without a PEM certificate')
  for (const block of blocks) assertCertificate(block)
  return `${blocks.join('\n')}\n`
}

/** An SVG, PNG or WebP picture of at most 256 KiB, whose content matches its file name. */
export function readPicture(path: string): Picture {
  const body = read(path)
  const type = PICTURE_TYPES[extname(path).toLowerCase()]
  if (type === undefined) throw new Invalid('must name a .svg, .png or .webp file')
  if (!type.matches(body)) throw new Invalid('names a file whose content is not of its type')
  return { type: type.name, body }
}

const PICTURE_TYPES: Readonly<Record<string, { name: string; matches: (body: Buffer) => boolean }>> = {
  '.svg': {
    name: 'image/svg+xml',
    matches: (body) =>
      /^\ufeff?\s*(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*)*<svg[\s>]/.test(body.toString('utf8'))
  },
  '.png': { name: 'image/png', matches: (body) => body.toString('latin1', 0, 8) === '\x89PNG\r\n\x1a\n' },
  '.webp': {
    name: 'image/webp',
    matches: (body) => body.toString('latin1', 0, 4) === 'RIFF' && body.toString('latin1', 8, 12) === 'WEBP'
  }
}

function assertCertificate(pem: string): void {
  try {
    new X509Certificate(pem)
  } catch {
    throw new Invalid('names a file with a certificate that cannot be parsed')
  }
}

/**
 * A directory for state that only Usher's user can write to: another user could insert rows into its database. The
 * result is absolute, so that a later change of the working directory does not move it.
 */
export function parseStateDirectory(path: string): string {
  const stats = attemptOn(path, () => statSync(path))
  if (!stats.isDirectory()) throw new Invalid('must name a directory')
  const uid = process.getuid?.()
  if (uid !== undefined && stats.uid !== uid)
    throw new Invalid(`names a directory of user ${stats.uid}: it must belong to the user of Usher, ${uid}`)
  if ((stats.mode & OTHERS_WRITE) !== 0)
    throw new Invalid('names a directory that other users can write to: chmod 700 it')
  attemptOn(path, () => accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK))
  return resolve(path)
}

function attemptOn<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw new Invalid(`names a directory that cannot be used (${codeOf(error)})${whose(path)}`)
  }
}

/** Whether the working directory has a `.env` file, which some programs load by themselves. */
export function isDotEnvHere(): boolean {
  return existsSync('.env')
}

/** Mode bits: writable by the group or by others. */
const OTHERS_WRITE = 0o022

function read(path: string): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw new Invalid(`names a file that cannot be read (${codeOf(error)})${whose(path)}`)
  }
  if (bytes.length > MOST_BYTES) throw new Invalid(`names a file above ${MOST_BYTES / 1024} KiB`)
  return bytes
}

/** Only the code: the message contains the path, which can be a secret put into the wrong variable. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}

/** Where the file was looked for, and as which user. Only text that begins like a path is shown: no secret does. */
function whose(path: string): string {
  const uid = process.getuid?.()
  const place = /^\.{0,2}\/[ -~]{0,200}$/.test(path) ? `: ${path}` : ''
  return uid === undefined ? place : `${place}, as user ${uid}`
}
