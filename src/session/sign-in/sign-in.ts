import { createCodec, createLayout, integer, listOf, oneOf, text } from '../../seal/codec.ts'

/** A PIN sign-in in progress in one browser. */
export interface SignIn {
  readonly pinId: number
  readonly code: string
  /** Not the browser's own if it has a session: an abandoned sign-in must not replace that token at plex.tv. */
  readonly clientIdentifier: string
  /** Where the tab that began last wants to go, for a callback without a flow. */
  readonly returnTo: string
  /**
   * `redirect` leads to Plex's own page, `link` is a code for another device. `returned`: a tab came back from Plex's
   * page unclaimed, which ends a redirect for all but the tabs that are still there.
   */
  readonly kind: SignInKind | 'returned'
  /** Epoch ms. */
  readonly expiresAt: number
  /** Tabs that have gone to Plex's page with it. */
  readonly tabs: number
}

export const SIGN_IN_KINDS = ['redirect', 'link'] as const
export type SignInKind = (typeof SIGN_IN_KINDS)[number]

const version1Members = {
  pinId: integer,
  code: text,
  clientIdentifier: text,
  returnTo: text,
  kind: oneOf(SIGN_IN_KINDS),
  expiresAt: integer
}
const version1 = createLayout(version1Members)
const version2 = createLayout({
  ...version1Members,
  kind: oneOf([...SIGN_IN_KINDS, 'returned']),
  tabs: integer
})

/** The sign-in cookie: the PINs of this browser, one of each kind at most. */
export const signInsCodec = createCodec<readonly SignIn[]>({
  version: 2,
  encode: (signIns) => signIns.map(version2.write),
  decoders: new Map([
    [
      // One PIN of either kind.
      1,
      (members) => {
        const signIn = version1.read(members)
        return signIn && [{ ...signIn, tabs: 1 }]
      }
    ],
    [
      2,
      (members) => {
        if (!listOf(Array.isArray)(members)) return null
        const signIns = members.map((member) => version2.read(member as readonly unknown[]))
        return signIns.includes(null) ? null : (signIns as readonly SignIn[])
      }
    ]
  ])
})

/** The sign-ins with this one instead of any other of its kind. */
export function withSignIn(signIns: readonly SignIn[], signIn: SignIn): readonly SignIn[] {
  return [...signIns.filter(({ kind }) => kind !== signIn.kind), signIn]
}

/** The sign-ins after a tab returned from Plex's page without having signed in. */
export function withReturned(signIns: readonly SignIn[], signIn: SignIn): readonly SignIn[] {
  const others = withoutSignIn(signIns, signIn)
  const tabs = signIn.tabs - 1
  return tabs < 1 ? others : withSignIn(others, { ...signIn, kind: 'returned', tabs })
}

/** The sign-ins without this one. */
export function withoutSignIn(signIns: readonly SignIn[], signIn: SignIn): readonly SignIn[] {
  return signIns.filter(({ pinId }) => pinId !== signIn.pinId)
}
