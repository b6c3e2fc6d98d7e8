import packageJson from '../../package.json' with { type: 'json' }
import type { Config } from '../config/config.ts'
import { Problem } from '../domain/problems.ts'
import type { Logger } from '../observe/logger.ts'
import type { MediaServer } from '../plex/media-server.ts'
import { explainFailure } from '../plex/upstream-errors.ts'
import type { State } from '../store/state.ts'

export interface SummaryOptions {
  readonly config: Config
  readonly mediaServer: Pick<MediaServer, 'identity'> | null
  readonly state: Pick<State, 'kind'>
  readonly log: Logger
}

/**
 * Logs one line about what was started. It asks the media server for `/identity` first, so that a wrong address is in
 * the log before anybody signs in. A failure stops nothing, because a server may start later than Usher.
 */
export async function summarizeStart({ config, mediaServer, state, log }: SummaryOptions): Promise<void> {
  const fields = {
    version: packageJson.version,
    publicUrl: config.publicUrl.href,
    server: config.pms.url,
    admits: admits(config),
    store: state.kind,
    off: off(config)
  }
  for (const warning of config.warnings) log.warn({ warning }, 'configuration warning')
  const failure = mediaServer === null ? null : await probe(config, mediaServer)
  if (failure === null) log.info(fields, 'started')
  else
    log.warn(
      { ...fields, setting: failure.setting, reason: failure.reason, code: failure.code },
      'started, but the media server does not answer as it should'
    )
}

interface Failure {
  readonly setting: string
  readonly reason: string
  readonly code: string | undefined
}

async function probe({ pms }: Config, server: Pick<MediaServer, 'identity'>): Promise<Failure | null> {
  try {
    const { machineIdentifier } = await server.identity()
    if (pms.machineId === null || pms.machineId === machineIdentifier) return null
    const reason = 'another server answers there, and no token is sent to it'
    return { setting: 'USHER_PMS_MACHINE_ID', reason, code: undefined }
  } catch (error) {
    const problem = error instanceof Problem ? error : new Problem('USHER_UPSTREAM_INVALID', { cause: error })
    const { code } = (problem.cause ?? {}) as { code?: string }
    return { setting: 'USHER_PMS_URL', reason: explainFailure(problem), code }
  }
}

function admits({ access, allowedAccounts, requireTwoFactor }: Config): string {
  const listed = allowedAccounts.length > 0 ? `, accounts listed: ${allowedAccounts.length}` : ''
  const twoFactor = requireTwoFactor === 'none' ? '' : `, two-factor for ${requireTwoFactor}`
  return access + listed + twoFactor
}

/** Features that no setting turned on. */
function off(config: Config): readonly string[] {
  const parts: readonly (readonly [string, boolean])[] = [
    ['trusted proxies', config.trustedProxies.length > 0],
    ['single sign-on over subdomains', config.cookieDomain !== null],
    ['services', config.services.length > 0],
    ['owner token', config.plexToken !== null],
    ['apps', config.apps.length > 0],
    ['OpenID Connect', config.oidc.clients.length > 0],
    ['owner administration', config.ownerAdmin],
    ['compression', config.compress],
    ['OpenAPI', config.openApi]
  ]
  return parts.filter(([, on]) => !on).map(([name]) => name)
}
