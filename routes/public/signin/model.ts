import type { SessionView } from '../../../src/session/session.ts'
import type { Words } from './client/texts.ts'
import type { Place } from './destination.ts'
import type { Language } from './language.ts'

/** The apps of somebody who is signed in. */
export interface AppList {
  /** Those of the start page, which may be opened. */
  readonly open: readonly {
    readonly id: string
    readonly name: string
    readonly url: string
    readonly hasIcon: boolean
  }[]
  /** The names of those that this sign-in has entered by OpenID Connect. */
  readonly entered: readonly string[]
}

/** The problems that belong to an account, and not to this attempt: another account is the way out. */
export const REFUSALS = [
  'USHER_SERVER_ACCESS_DENIED',
  'USHER_ACCOUNT_BLOCKED',
  'USHER_TWO_FACTOR_REQUIRED'
] as const

export interface Refused {
  readonly code: (typeof REFUSALS)[number]
  /** The name of the account; null if the page does not know it. */
  readonly account: string | null
}

/** Everything that one rendering of the page depends on. Paths include the base path. */
export interface PageModel {
  readonly language: Language
  readonly basePath: string
  readonly assetsPath: string
  readonly brand: { readonly name: string; readonly logoPath: string | null }
  /** Plex's own pages for people: the origin of `USHER_PLEX_APP_URL`. */
  readonly plexAppOrigin: string
  /** A television is told a code first, and is walked through with arrow keys. */
  readonly television: boolean
  /** Checked: a local path or an address of an allowed origin. */
  readonly returnTo: string | null
  readonly place: Place | null
  readonly problem: Words | null
  readonly refused: Refused | null
  /** Just back from signing out. */
  readonly signedOut: boolean
  /** Whoever is signed in although the ways in are asked for. */
  readonly stay: string | null
  readonly session: SessionView | null
  readonly apps: AppList
  /** Epoch ms. */
  readonly unreachableSince: number | null
  /** Whether each session picks its own server, because the deployment names none. */
  readonly serverChoice: boolean
  /** Just back from Plex: profile and server are chosen before continuing. */
  readonly fresh: boolean
  /** The last page of the small window, which says that it can be closed. */
  readonly windowDone: boolean
  /** The question before everything of this account is signed out. */
  readonly everywhere: boolean
}

export type PanelName =
  | 'choose'
  | 'refused'
  | 'window'
  | 'code'
  | 'password'
  | 'verification'
  | 'profiles'
  | 'servers'
  | 'account'
  | 'everywhere'
  | 'closed'

/** The panel that is visible first, and the only one without JavaScript. */
export function firstPanel(model: PageModel): PanelName {
  if (model.windowDone) return 'closed'
  if (model.refused !== null) return 'refused'
  if (model.session === null) return 'choose'
  return model.everywhere ? 'everywhere' : 'account'
}
