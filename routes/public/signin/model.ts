import type { SessionView } from '../../../src/session/session.ts'
import type { Words } from './client/words.ts'

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

/** Everything that one rendering of the page depends on. Paths include the base path. */
export interface PageModel {
  readonly basePath: string
  readonly assetsPath: string
  readonly brand: { readonly name: string; readonly logoPath: string | null }
  /** Checked: a local path or an address of an allowed origin. */
  readonly returnTo: string | null
  readonly problem: Words | null
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
}

export type PanelName =
  | 'choose'
  | 'window'
  | 'code'
  | 'password'
  | 'profiles'
  | 'servers'
  | 'account'
  | 'closed'

/** The panel that is visible first, and the only one without JavaScript. */
export function firstPanel(model: PageModel): PanelName {
  if (model.windowDone) return 'closed'
  return model.session === null ? 'choose' : 'account'
}
