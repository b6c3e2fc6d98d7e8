import { isIP } from 'node:net'
import { Invalid, type Parse } from './setting.ts'

/** Exactly `true` or `false`: a `yes`, `1` or `TRUE` that counted as false would silently switch off a guard. */
export function parseBoolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new Invalid('must be true or false')
  return text === 'true'
}

export function oneOf<const T extends string>(...words: readonly T[]): Parse<T> {
  return (text) => {
    const found = words.find((word) => word === text)
    if (found === undefined) throw new Invalid(`must be one of ${words.join(', ')}`)
    return found
  }
}

/** 0 to 65535; with 0 the system picks a free port. */
export function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new Invalid('must be a port from 0 to 65535')
  return Number(text)
}

/** An address to listen on: an IP without brackets or a host name. */
export function parseListenHost(text: string): string {
  if (isIP(text) === 0 && !/^(?!\d+$)[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(text)) {
    throw new Invalid('must be an IP address (without brackets or port) or a host name')
  }
  return text
}

/** Part of cookie names. One that ends in `-signin` or `-device` could be another instance's other cookie. */
export function parseInstance(text: string): string {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(text)) throw new Invalid('must be 1 to 32 letters, digits, - or _')
  if (/(^|-)(signin|device)$/.test(text)) throw new Invalid('must not end in signin or device')
  return text
}

export function parseMachineId(text: string): string {
  if (!/^[A-Za-z0-9_-]{8,64}$/.test(text)) {
    throw new Invalid("must be the server's machineIdentifier: 8 to 64 letters and digits, no blank")
  }
  return text
}

/**
 * The value of an `X-Plex-*` header: CR, LF and NUL would split it (SECURITY rule 48), and nothing beyond Latin-1 can
 * be sent.
 */
export function parseHeaderText(text: string): string {
  if (/[\0-\x1f\x7f]/.test(text)) throw new Invalid('must not hold a control character')
  if (!/^[\x20-\x7e\xa0-\xff]*$/.test(text)) {
    throw new Invalid('must have Latin-1 characters only, because it is sent in an HTTP header')
  }
  return bounded(text, 128)
}

/** A name for people, in any script, without invisible characters that change how a line looks. */
export function parseDisplayName(text: string): string {
  if (text === '') throw new Invalid('must not be empty')
  if (/\p{C}/u.test(text)) throw new Invalid('must not hold a control or invisible character')
  return bounded(text, 64)
}

function bounded(text: string, limit: number): string {
  if (text.trim() !== text) throw new Invalid('must not begin or end with a blank')
  if (text.length > limit) throw new Invalid(`must be at most ${limit} characters`)
  return text
}
