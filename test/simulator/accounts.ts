import type { Secrets } from './secrets.ts'

export const PASSWORD = 'correct-horse'
export const VERIFICATION_CODE = '123456'

export type AccountKey =
  | 'owner'
  | 'friend'
  | 'member'
  | 'kid'
  | 'guest'
  | 'stranger'
  | 'pending'
  | 'twoFactor'
  | 'twoFactorStranger'
  | 'emailOnly'
  | 'sso'
  | 'locked'
  | 'unicode'

/** A plex.tv account of the simulator. Change its fields at run time for further outcomes. */
export interface SimAccount {
  readonly key: AccountKey
  readonly id: number
  readonly uuid: string
  username: string
  title: string
  email: string
  /** Whether the address was confirmed; never of a managed profile. */
  confirmed: boolean
  friendlyName: string
  /** null: created through Google, Apple or Facebook. */
  password: string | null
  emailOnlyAuth: boolean
  /** The verification code; null without two-factor authentication. */
  verificationCode: string | null
  /** Every sign-in answers 1031, as for an address that plex.tv has locked. */
  locked: boolean
  home: 'admin' | 'member' | 'managed' | 'guest' | null
  homePin: string | null
  /** The hash that plex.tv shows as `pin`. */
  homePinHash: string | null
  restrictionProfile: 'little_kid' | 'older_kid' | 'teen' | null
  serviceSecret: string
  /** Three letters for its tokens, so that a leaked token shows whose it is. */
  readonly tag: string
  /** What the account demonstrates. */
  readonly shows: string
}

export interface Accounts {
  readonly all: readonly SimAccount[]
  get(key: AccountKey): SimAccount
  byId(id: number): SimAccount | undefined
  /** By e-mail or username, in any letter case. */
  byLogin(login: string): SimAccount | undefined
  byIdOrUuid(text: string): SimAccount | undefined
}

const LONG_NAME = 'Zoë Ünïcödé 漢字 🎬 '.repeat(16).trim()

type Seed = Pick<SimAccount, 'key' | 'id' | 'uuid' | 'tag' | 'shows'> & Partial<SimAccount>

const SEEDS: readonly Seed[] = [
  {
    key: 'owner',
    id: 13_692_262,
    uuid: '212acf24b07315e5',
    username: 'simuser',
    email: 'sim@example.com',
    home: 'admin',
    tag: 'usr',
    shows: 'owns the server Box, admin of the Home; Den is shared with it'
  },
  {
    key: 'friend',
    id: 7_654_321,
    uuid: 'deadbeefdeadbeef',
    username: 'friend',
    email: 'friend@example.com',
    tag: 'fri',
    shows: 'Box is shared with it; owns the server Den'
  },
  {
    key: 'member',
    id: 2_345_678,
    uuid: '5ca1ab1e5ca1ab1e',
    username: 'robin',
    title: 'Robin',
    email: 'robin@example.com',
    home: 'member',
    homePin: '4321',
    tag: 'mem',
    shows: 'adult member of the Home with its own login; profile PIN 4321'
  },
  {
    key: 'kid',
    id: 23_456,
    uuid: '88fad7ef5d91c202',
    title: 'Kid',
    friendlyName: 'Kid',
    password: null,
    home: 'managed',
    homePin: '1234',
    restrictionProfile: 'little_kid',
    tag: 'kid',
    shows: 'managed profile of the Home, PIN 1234; no login of its own'
  },
  {
    key: 'guest',
    id: 99,
    uuid: 'aaaabbbbccccdddd',
    title: 'Guest',
    friendlyName: 'Guest',
    password: null,
    home: 'guest',
    tag: 'gst',
    shows: 'unprotected guest profile of the Home: switched to without a PIN'
  },
  {
    key: 'stranger',
    id: 4_444_444,
    uuid: '0123456789abcdef',
    username: 'stranger',
    email: 'stranger@example.com',
    tag: 'str',
    shows: 'a valid account without access to any server'
  },
  {
    key: 'pending',
    id: 5_550_001,
    uuid: '00000000feed0001',
    username: 'pending',
    email: 'pending@example.com',
    tag: 'pen',
    shows: 'invited to Box, not accepted yet: no access'
  },
  {
    key: 'twoFactor',
    id: 5_550_002,
    uuid: '00000000feed0002',
    username: 'twofactor',
    email: 'twofactor@example.com',
    verificationCode: VERIFICATION_CODE,
    tag: 'two',
    shows: `Box is shared with it; two-factor on, code ${VERIFICATION_CODE}`
  },
  {
    key: 'twoFactorStranger',
    id: 5_550_003,
    uuid: '00000000feed0003',
    username: 'twofactor-stranger',
    email: 'twofactor-stranger@example.com',
    verificationCode: VERIFICATION_CODE,
    tag: 'tws',
    shows: `no access; two-factor on, code ${VERIFICATION_CODE}`
  },
  {
    key: 'emailOnly',
    id: 5_550_004,
    uuid: '00000000feed0004',
    username: 'emailonly',
    email: 'emailonly@example.com',
    emailOnlyAuth: true,
    tag: 'eml',
    shows: 'Box is shared with it; signing in with the username answers 1030'
  },
  {
    key: 'sso',
    id: 5_550_005,
    uuid: '00000000feed0005',
    username: 'sso',
    email: 'sso@example.com',
    password: null,
    tag: 'sso',
    shows: 'Box is shared with it; has no password, can only use the PIN'
  },
  {
    key: 'locked',
    id: 5_550_006,
    uuid: '00000000feed0006',
    username: 'locked',
    email: 'locked@example.com',
    locked: true,
    tag: 'lck',
    shows: 'every password sign-in answers 1031 (address locked)'
  },
  {
    key: 'unicode',
    id: 9_007_199_254_740_991,
    uuid: 'ffffffffffffffff',
    username: LONG_NAME.slice(0, 128),
    title: LONG_NAME,
    email: `${'long.'.repeat(12)}zoe@${'subdomain.'.repeat(17)}example.com`,
    friendlyName: LONG_NAME,
    tag: 'uni',
    shows: 'Box is shared with it; names and e-mail as long as can be, outside ASCII'
  }
]

export function createAccounts(secrets: Secrets): Accounts {
  const all = SEEDS.map((seed) => toAccount(seed, secrets))
  const byId = new Map(all.map((account) => [account.id, account]))
  return {
    all,
    get: (key) => {
      const account = all.find((candidate) => candidate.key === key)
      if (!account) throw new RangeError(`no account ${key}`)
      return account
    },
    byId: (id) => byId.get(id),
    byLogin: (login) => {
      const text = login.trim().toLowerCase()
      if (text === '') return undefined
      return all.find(
        ({ email, username }) => email.toLowerCase() === text || username.toLowerCase() === text
      )
    },
    byIdOrUuid: (text) => all.find(({ id, uuid }) => uuid === text || String(id) === text)
  }
}

function toAccount(seed: Seed, secrets: Secrets): SimAccount {
  return {
    username: '',
    title: seed.username ?? '',
    email: '',
    confirmed: true,
    friendlyName: '',
    password: PASSWORD,
    emailOnlyAuth: false,
    verificationCode: null,
    locked: false,
    home: null,
    homePin: null,
    homePinHash: seed.homePin ? secrets.mint('pin') : null,
    restrictionProfile: null,
    serviceSecret: secrets.mint('svc'),
    ...seed
  }
}
