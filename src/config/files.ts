import { X509Certificate } from 'node:crypto'
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { extname } from 'node:path'
import { Invalid } from './setting.ts'

export interface Logo {
  /** Media type. */
  readonly type: string
  readonly body: Buffer
}

const MOST_BYTES = 262_144

/** A secret's text: the file without one newline at its end (editors and `echo` add it). */
export function readSecretFile(path: string): string {
  const text = read(path)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (text === '') throw new Invalid('names a file that is empty')
  return text
}

/** PEM text of one or more certificates, without anything else the file may hold. */
export function readCertificates(path: string): string {
  const text = read(path).toString('latin1')
  if (/PRIVATE KEY-----/.test(text)) throw new Invalid('names a file with a private key; certificates only')
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new Invalid('names a file without a PEM certificate')
  for (const block of blocks) assertCertificate(block)
  return `${blocks.join('\n')}\n`
}

/** An SVG, PNG or WebP picture of at most 256 KiB, whose content is what its name says. */
export function readLogo(path: string): Logo {
  const body = read(path)
  const type = LOGO_TYPES[extname(path).toLowerCase()]
  if (type === undefined) throw new Invalid('must name a .svg, .png or .webp file')
  if (!type.matches(body)) throw new Invalid('names a file whose content is not of its type')
  return { type: type.name, body }
}

/** A directory for Usher's own files, which nobody else can write to. Nothing is made in it. */
export function parseStateDirectory(path: string): string {
  let mode: number
  try {
    const stats = statSync(path)
    if (!stats.isDirectory()) throw new Invalid('must name a directory')
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    mode = stats.mode
  } catch (error) {
    if (error instanceof Invalid) throw error
    throw new Invalid(`must name a directory that this process can write to (${codeOf(error)})`)
  }
  if ((mode & 0o022) !== 0)
    throw new Invalid('must name a directory that only its owner can write to (chmod 700)')
  return path
}

const LOGO_TYPES: Readonly<Record<string, { name: string; matches: (body: Buffer) => boolean }>> = {
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

function read(path: string): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    // The message holds the path; the code alone tells what is wrong.
    throw new Invalid(`names a file that cannot be read (${codeOf(error)})`)
  }
  if (bytes.length > MOST_BYTES) throw new Invalid(`names a file above ${MOST_BYTES / 1024} KiB`)
  return bytes
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
