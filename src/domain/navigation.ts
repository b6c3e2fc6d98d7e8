import type { IncomingHttpHeaders } from 'node:http'
import Negotiator from 'negotiator'

export interface NavigationHeaders extends Pick<IncomingHttpHeaders, 'accept'> {
  readonly 'sec-fetch-mode'?: string | string[] | undefined
  readonly 'sec-fetch-dest'?: string | string[] | undefined
}

/**
 * Whether a person reads the response in the window of a browser: Accept names HTML, before any JSON (RFC 9110
 * §12.5.1), and Fetch Metadata, where there is any, speaks of a document. Old browsers and plain HTTP have none.
 */
export function wantsPage(method: string, headers: NavigationHeaders): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false
  const { accept, 'sec-fetch-mode': mode, 'sec-fetch-dest': destination } = headers
  if (mode !== undefined && mode !== 'navigate') return false
  if (destination !== undefined && destination !== 'document') return false
  return accept !== undefined && prefersHtml(accept)
}

/** A wildcard names nothing: scripts, players and programs send it. */
function prefersHtml(accept: string): boolean {
  const types = new Negotiator({ headers: { accept } }).mediaTypes().map((type) => type.toLowerCase())
  const first = types.find((type) => type === 'text/html' || /[/+]json$/.test(type))
  return first === 'text/html'
}
