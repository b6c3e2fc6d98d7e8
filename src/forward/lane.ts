import type { ForwardCall, ForwardContext, Lane } from './forward-call.ts'

/** The connections that a request goes by: what is only fetched goes by the leaner ones, where there are any. */
export function laneOf({ lanes, fetchLanes }: ForwardContext, { class: kind, method }: ForwardCall): Lane {
  if (fetchLanes === null || (method !== 'GET' && method !== 'HEAD')) return lanes[kind]
  return kind === 'media' || kind === 'api' ? fetchLanes[kind] : lanes[kind]
}
