import type { SimAccount } from '../accounts.ts'
import type { Json, JsonObject } from '../json.ts'
import type { World } from '../world.ts'

const REMEMBERED_S = 1_209_600
const FEATURES = ['home', 'two-factor-authentication', 'session_kick']

/** `UserPlexAccount` (reference/plex.md#accounts); `authToken` is the caller's own token. */
export function accountDocument(
  world: World,
  account: SimAccount,
  token: string,
  issuedAt: number
): JsonObject {
  const managed = account.home === 'managed' || account.home === 'guest'
  const passHolder = account.home !== null
  return {
    id: account.id,
    uuid: account.uuid,
    username: account.username,
    title: account.title,
    email: account.email,
    friendlyName: account.friendlyName,
    locale: null,
    confirmed: account.confirmed && !managed,
    emailOnlyAuth: account.emailOnlyAuth,
    hasPassword: account.password !== null,
    protected: account.homePin !== null,
    ...(account.homePinHash === null ? {} : { pin: account.homePinHash }),
    thumb: `https://plex.tv/users/${account.uuid}/avatar?c=1630875354`,
    authToken: token,
    mailingListStatus: managed ? null : 'unsubscribed',
    mailingListActive: false,
    scrobbleTypes: '',
    country: 'GB',
    subscription: subscription(passHolder),
    subscriptionDescription: passHolder ? 'Lifetime Plex Pass' : null,
    restricted: account.home === 'managed',
    ...(account.home === 'managed' ? { restrictionProfile: account.restrictionProfile } : {}),
    anonymous: null,
    home: account.home !== null,
    guest: account.home === 'guest',
    homeSize: account.home === null ? 1 : homeSize(world),
    homeAdmin: account.home === 'admin',
    maxHomeSize: 15,
    rememberExpiresAt: managed ? null : Math.floor(issuedAt / 1000) + REMEMBERED_S,
    profile: profile(world),
    entitlements: passHolder ? ['all'] : [],
    roles: passHolder ? ['plexpass'] : [],
    subscriptions: passHolder ? [LIFETIME] : [],
    services: services(world, account),
    adsConsent: null,
    adsConsentSetAt: null,
    adsConsentReminderAt: null,
    experimentalFeatures: false,
    twoFactorEnabled: account.verificationCode !== null,
    backupCodesCreated: account.verificationCode !== null,
    joinedAt: 1_339_124_759,
    attributionPartner: null
  }
}

const LIFETIME: JsonObject = {
  id: null,
  mode: 'lifetime',
  renewsAt: null,
  endsAt: null,
  type: 'plexpass',
  transfer: null,
  state: 'active'
}

function subscription(active: boolean): JsonObject {
  if (!active) {
    return { active, subscribedAt: null, status: 'Inactive', paymentService: null, plan: null, features: [] }
  }
  return {
    active,
    subscribedAt: '2021-10-01T01:02:03Z',
    status: 'Active',
    paymentService: 'braintree',
    plan: 'lifetime',
    features: FEATURES
  }
}

function profile(world: World): JsonObject {
  const shapes: Record<typeof world.modes.languages, Json> = {
    null: null,
    array: ['en', 'sv'],
    string: 'en,sv'
  }
  const languages = shapes[world.modes.languages]
  return {
    autoSelectAudio: true,
    defaultAudioLanguage: 'en',
    defaultSubtitleLanguage: null,
    autoSelectSubtitle: 1,
    defaultSubtitleAccessibility: 0,
    defaultSubtitleForced: 0,
    watchedIndicator: 1,
    mediaReviewsVisibility: 0,
    defaultAudioLanguages: languages,
    defaultSubtitleLanguages: languages,
    mediaReviewsLanguages: null
  }
}

function services(world: World, account: SimAccount): JsonObject[] {
  const metadata = {
    identifier: 'metadata',
    endpoint: 'https://metadata.provider.plex.tv',
    token: account.serviceSecret,
    status: 'online'
  }
  if (world.vectors) return [metadata]
  const sync = {
    identifier: 'sync',
    endpoint: 'https://sync.example.com',
    secret: account.serviceSecret,
    status: 'online'
  }
  return [metadata, sync]
}

/** The recorded Home lists two users and counts three. */
function homeSize(world: World): number {
  return world.vectors ? 3 : world.accounts.all.filter(({ home }) => home !== null).length
}
