import type { Config } from '../config/config.ts'
import { describeError } from '../observe/logger.ts'
import { StateError } from '../store/sqlite-file.ts'

/** Why a listener could not be opened, in words that name the setting to change. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** Why a start failed: Usher's own message, or type, code and frames of another error without its text. */
export function explainStartFailure(error: unknown): string {
  const isOwn = error instanceof StartError || error instanceof StateError
  return isOwn ? error.message : JSON.stringify(describeError(error))
}

/** The settings of one listener. */
export interface ListenSettings {
  readonly host: 'USHER_HOST' | 'USHER_INTERNAL_HOST'
  readonly port: 'USHER_PORT' | 'USHER_INTERNAL_PORT'
}

/** The error that ends the start; an unknown one is unchanged. */
export function toStartError(error: unknown, settings: ListenSettings, at: Config['listen']): unknown {
  const words = error instanceof Error && 'code' in error ? wordsFor(String(error.code), settings, at) : null
  return words === null ? error : new StartError(words, { cause: error })
}

function wordsFor(code: string, settings: ListenSettings, { host, port }: Config['listen']): string | null {
  switch (code) {
    case 'EADDRINUSE':
      return `${settings.port}: port ${port} of ${host} is taken by another program`
    case 'EACCES':
      return `${settings.port}: port ${port} needs a privilege that this process does not have; take one above 1023`
    case 'EADDRNOTAVAIL':
      return `${settings.host}: ${host} is not an address of this machine`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${settings.host}: ${host} is a name without an address here`
    default:
      return null
  }
}
