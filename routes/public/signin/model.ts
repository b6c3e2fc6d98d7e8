import type { SessionView } from '../../../src/session/session.ts'
import type { Words } from './client/words.ts'

/** Everything one rendering of the page depends on; paths are complete, base path included. */
export interface PageModel {
  readonly basePath: string
  readonly assetsPath: string
  readonly brand: { readonly name: string; readonly logoPath: string | null }
  /** Checked: a local path or an allowed origin's address. */
  readonly returnTo: string | null
  readonly problem: Words | null
  readonly session: SessionView | null
  /** Epoch ms. */
  readonly unreachableSince: number | null
  /** Whether a session picks its own server, because the deployment names none. */
  readonly serverChoice: boolean
  /** Back from Plex just now: profile and server are chosen before one goes on. */
  readonly fresh: boolean
  /** The small window's last page, which only says that it may be closed. */
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

/** The panel that is seen first, and the only one seen without JavaScript. */
export function firstPanel(model: PageModel): PanelName {
  if (model.windowDone) return 'closed'
  return model.session === null ? 'choose' : 'account'
}
