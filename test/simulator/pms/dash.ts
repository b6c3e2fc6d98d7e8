import type { Route } from '../router.ts'
import type { Callers } from './caller.ts'
import type { Catalogue } from './catalogue.ts'
import { partBytes } from './parts.ts'
import { pmsError } from './reply.ts'

const BASE = '/video/:/transcode/universal'
const SEGMENT_BYTES = 4096
const SEGMENTS = 3

/** DASH: a manifest whose templates lead below the transcoder by relative addresses (reference/plex.md#media-server-paths). */
export function dashRoutes(callers: Callers, catalogue: Catalogue): Route[] {
  const sessions = new Map<string, number>()
  return [
    [
      'GET',
      `${BASE}/start.mpd`,
      callers.any(({ query }, { account }) => {
        const key = /^\/library\/metadata\/(\d+)$/.exec(query.get('path') ?? '')?.[1] ?? ''
        const session = query.get('session')
        if (session === null || catalogue.find(key) === undefined) return pmsError(404)
        sessions.set(session, account.id)
        return { status: 200, headers: { 'Content-Type': 'application/dash+xml' }, body: toManifest(session) }
      })
    ],
    [
      'GET',
      `${BASE}/dash/{session}/{representation}/{file}`,
      callers.any(({ params }, { account }) => {
        const number = /^(?:header|(\d)\.m4s)$/.exec(params['file'] ?? '')
        if (sessions.get(params['session'] ?? '') !== account.id || number === null) return pmsError(404)
        const offset = Number(number[1] ?? SEGMENTS) * SEGMENT_BYTES
        return {
          status: 200,
          headers: { 'Content-Type': 'video/mp4' },
          body: partBytes(offset, SEGMENT_BYTES)
        }
      })
    ]
  ]
}

function toManifest(session: string): string {
  const place = `dash/${session}/$RepresentationID$`
  return `<?xml version="1.0" encoding="utf-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" mediaPresentationDuration="PT12S" minBufferTime="PT4S">
	<Period id="0" start="PT0S" duration="PT12S">
		<AdaptationSet segmentAlignment="true">
			<SegmentTemplate timescale="1" duration="4" initialization="${place}/header" media="${place}/$Number$.m4s" startNumber="0"/>
			<Representation id="0" mimeType="video/mp4" codecs="avc1.42c00a" bandwidth="20000" width="120" height="68"/>
		</AdaptationSet>
	</Period>
</MPD>
`
}
