import { type Static, Type } from 'typebox'
import { type Access, readAccess } from './access.ts'
import { APP_ID_WORDS } from './apps.ts'
import { attempt, parseEntries, type Report } from './entries.ts'
import { checkHashes, SECRET_HASHES_WORDS, SecretHashes } from './secret-hashes.ts'
import { parseBackchannelUri, parseRedirectUri } from './urls.ts'
import { parseDisplayName } from './words.ts'

export const ID_TOKEN_ALGS = ['RS256', 'ES256'] as const

const Uris = Type.Array(Type.String(), { minItems: 1, maxItems: 32 })

const Client = Type.Object(
  {
    id: Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }),
    name: Type.Optional(Type.String()),
    secretHashes: Type.Optional(SecretHashes),
    redirectUris: Uris,
    postLogoutRedirectUris: Type.Optional(Uris),
    backchannelLogoutUri: Type.Optional(Type.String()),
    pkce: Type.Optional(Type.Union([Type.Literal('required'), Type.Literal('optional')])),
    refresh: Type.Optional(Type.Boolean()),
    access: Type.Optional(Type.Unknown()),
    idTokenAlg: Type.Optional(Type.Enum(ID_TOKEN_ALGS)),
    app: Type.Optional(Type.String())
  },
  { additionalProperties: false }
)

const WORDS = {
  id: APP_ID_WORDS,
  name: 'name must be text',
  secretHashes: SECRET_HASHES_WORDS,
  redirectUris: 'redirectUris must be an array of 1 to 32 addresses',
  postLogoutRedirectUris: 'postLogoutRedirectUris must be an array of 1 to 32 addresses',
  backchannelLogoutUri: 'backchannelLogoutUri must be an address',
  pkce: 'pkce must be required or optional',
  refresh: 'refresh must be true or false',
  access: 'access must be an object',
  idTokenAlg: `idTokenAlg must be one of ${ID_TOKEN_ALGS.join(', ')}`,
  app: 'app must be the id of an entry of USHER_APPS'
}

type Given = Static<typeof Client>

export type OidcClientSetting = Readonly<Required<Omit<Given, 'access' | 'app' | 'backchannelLogoutUri'>>> & {
  readonly backchannelLogoutUri: string | null
  /** Null: everybody who may sign in. */
  readonly access: Access | null
  /** The entry of USHER_APPS that this client takes its name, access and icon from. */
  readonly app: string | null
}

/**
 * The JSON array of USHER_OIDC_CLIENTS; a client without secretHashes is public. Throws Invalid with every problem
 * of every entry.
 */
export function parseOidcClients(text: string): readonly OidcClientSetting[] {
  return parseEntries<typeof Client, OidcClientSetting>(text, {
    schema: Client,
    words: WORDS,
    read(given, report, earlier) {
      const { id, secretHashes = [], redirectUris, postLogoutRedirectUris = [], pkce = 'required' } = given
      if (earlier.some((client) => client.id === id)) report('id is used by an earlier entry')
      checkHashes(secretHashes, earlier, report, '--generate-oidc-client')
      if (pkce === 'optional' && secretHashes.length === 0)
        report('pkce must be required where there are no secretHashes')
      // The app's own access counts. Another one here might be believed to restrict it.
      if (given.app !== undefined && given.access !== undefined)
        report('must not have access beside app, whose own holds')
      checkUris('redirectUris', redirectUris, report)
      checkUris('postLogoutRedirectUris', postLogoutRedirectUris, report)
      const { name = id, backchannelLogoutUri } = given
      return {
        id,
        name: attempt('name', report, () => parseDisplayName(name)) ?? '',
        secretHashes,
        redirectUris,
        postLogoutRedirectUris,
        backchannelLogoutUri:
          backchannelLogoutUri === undefined
            ? null
            : attempt('backchannelLogoutUri', report, () => parseBackchannelUri(backchannelLogoutUri)),
        pkce,
        refresh: given.refresh ?? false,
        access: readAccess(given.access, report),
        idTokenAlg: given.idTokenAlg ?? 'RS256',
        app: given.app ?? null
      }
    }
  })
}

function checkUris(member: string, uris: readonly string[], report: Report): void {
  const schemes = uris.map((uri) => attempt(member, report, () => parseRedirectUri(uri)))
  if (new Set(uris).size < uris.length) report(`${member} repeat themselves`)
  if (schemes.includes('native') && schemes.includes('http'))
    report(
      `${member} must not hold an app's own scheme beside http: of a host that is not loopback; make two entries, or use an https: address of the app's server`
    )
}
