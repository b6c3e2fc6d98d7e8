import { Problem } from '../domain/problems.ts'
import { parseAnswer } from './answer.ts'
import { toBoolean, toFields, toText } from './fields.ts'
import { toMachineIdentifier } from './resources.ts'
import type { Upstream, UpstreamAnswer } from './upstream.ts'

/** What a media server reveals to anyone about itself. */
export interface ServerIdentity {
  readonly machineIdentifier: string
  readonly version: string
  readonly claimed: boolean
}

/** Limit in bytes; a real identity has about 200 (SECURITY rule 78). */
const MAX_BYTES = 8 * 1024

/** Requests `/identity`, the only path that needs no token; none is ever sent. */
export async function readIdentity(upstream: Upstream, signal?: AbortSignal): Promise<ServerIdentity> {
  const headers = { Accept: 'application/json' }
  const answer = await upstream.call({
    method: 'GET',
    path: '/identity',
    headers,
    maxBytes: MAX_BYTES,
    ...(signal && { signal })
  })
  if (answer.status !== 200) throw toServerProblem(answer)
  const fields = toFields(toFields(parseAnswer(answer))['MediaContainer'])
  const machineIdentifier = toMachineIdentifier(fields['machineIdentifier'])
  if (machineIdentifier === null) throw new Problem('USHER_UPSTREAM_INVALID')
  return { machineIdentifier, version: toText(fields['version'], 100), claimed: toBoolean(fields['claimed']) }
}

/**
 * The problem for a media server's error response. 401 and 403 mean no access, never a dead token, which only plex.tv
 * can declare. Other 4xx keep their status, 5xx is an outage, a redirect is invalid.
 */
export function toServerProblem({ service, status }: Pick<UpstreamAnswer, 'service' | 'status'>): Problem {
  const upstream = { service, status, code: null }
  if (status >= 500) return new Problem('USHER_UPSTREAM_UNREACHABLE', { upstream })
  if (status === 401 || status === 403) return new Problem('USHER_SERVER_ACCESS_DENIED', { upstream })
  if (status >= 400) return new Problem('USHER_UPSTREAM_REFUSED', { upstream, status })
  return new Problem('USHER_UPSTREAM_INVALID', { upstream })
}
