import { randomUUID } from 'node:crypto'
import { Problem } from '../domain/problems.ts'
import type { ServerRole } from '../domain/roles.ts'
import { checkParameters } from '../forward/parameters.ts'
import type { Policy } from '../forward/policy.ts'
import { readTarget } from '../forward/target.ts'

export const PLAYBACK_KINDS = ['part', 'hls', 'dash'] as const
export type PlaybackKind = (typeof PLAYBACK_KINDS)[number]

/** What a token for playback opens. */
export interface PlaybackTarget {
  /** Path and query of the first address, below /pms. */
  readonly start: string
  /** `video/SESSION`: whose files its playlist lists; empty for a file. */
  readonly transcode: string
}

export interface TargetRules {
  readonly policy: Policy
  readonly role: ServerRole
  readonly machineIdentifier: string
}

const FILE = /^\/library\/(?:parts|streams)\//
const ITEM = /^\/library\/metadata\/\d+$/
const TRANSCODER = /^\/(video|music|audio)\/:\/transcode\/universal\/start\.(m3u8|mpd)$/
const ENDINGS: Readonly<Record<string, string>> = { hls: 'm3u8', dash: 'mpd' }
/** It becomes a segment of the paths that the token opens. */
const TRANSCODE_SESSION = /^[\w-]{1,64}$/

/**
 * Reads what is to be played: a file (`part`), an item that the media server transcodes, or the address of its
 * transcoder with the parameters that a player chose. Throws a problem for anything else, and for what the session may
 * not reach itself.
 */
export function readPlaybackTarget(path: string, kind: PlaybackKind, rules: TargetRules): PlaybackTarget {
  const asked = readTarget(path.replace(/^\/pms(?=\/)/, ''), '')
  if (asked === null) throw invalid()
  const isItem = kind !== 'part' && ITEM.test(asked.upstream)
  const target = isItem ? readTarget(addressOf(asked.path, kind), '') : asked
  if (target === null) throw invalid()
  if (kind === 'part' ? !FILE.test(target.path) : TRANSCODER.exec(target.path)?.[2] !== ENDINGS[kind])
    throw invalid()
  const rule = rules.policy.find('GET', target.path, rules.role)
  if (rule?.class !== 'media') throw new Problem('USHER_PATH_DENIED')
  checkParameters(rule, target.upstream, { ...rules, allows: () => true })
  return {
    start: target.upstream,
    transcode: kind === 'part' ? '' : transcodeOf(target.path, target.upstream)
  }
}

/** The transcoder's address for an item, with the parameters that suit any receiver. */
function addressOf(item: string, kind: PlaybackKind): string {
  const query = new URLSearchParams({
    path: item,
    session: randomUUID(),
    protocol: kind,
    mediaIndex: '0',
    partIndex: '0',
    fastSeek: '1',
    directPlay: '0',
    directStream: '1'
  })
  return `/video/:/transcode/universal/start.${ENDINGS[kind]}?${query}`
}

/** Where the media server puts the files of a transcode. */
export function directoriesOf(transcode: string): readonly string[] {
  const [kind, session] = transcode.split('/')
  if (session === undefined) return []
  const base = `/${kind}/:/transcode/universal`
  return [`${base}/session/${session}`, `${base}/dash/${session}`]
}

function transcodeOf(path: string, upstream: string): string {
  const session = new URLSearchParams(upstream.split('?')[1]).getAll('session')
  const kind = TRANSCODER.exec(path)?.[1]
  // With two, the media server might take the other one.
  if (kind === undefined || session.length !== 1 || !TRANSCODE_SESSION.test(session[0] ?? '')) throw invalid()
  return `${kind}/${session[0]}`
}

function invalid(): Problem {
  return new Problem('USHER_INVALID_REQUEST', {
    detail: 'The path is not one of a file, or of an item or a transcoder with one session, of this kind.'
  })
}
