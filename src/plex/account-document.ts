import { accountFields, toAccount } from './account.ts'
import { type Fields, toBoolean, toFields, toInteger, toList, toText } from './fields.ts'

/**
 * The account as a browser may see it, by allow-list: fields that plex.tv adds, and its `authToken`, `pin`,
 * `services` and settings, are left out (SECURITY rule 56). Throws USHER_UPSTREAM_INVALID like `toAccount`.
 */
export function toAccountDocument(data: unknown): Record<string, unknown> {
  const account = toAccount(data)
  const fields = accountFields(data)
  return {
    ...account,
    ...texts(fields, ['friendlyName', 'locale', 'country', 'subscriptionDescription', 'restrictionProfile']),
    ...texts(fields, ['mailingListStatus', 'scrobbleTypes']),
    ...booleans(fields, ['confirmed', 'emailOnlyAuth', 'hasPassword', 'protected', 'guest', 'anonymous']),
    ...booleans(fields, ['mailingListActive', 'backupCodesCreated', 'experimentalFeatures']),
    ...integers(fields, ['joinedAt', 'homeSize', 'maxHomeSize', 'rememberExpiresAt']),
    subscription: toSubscription(toFields(fields['subscription'])),
    profile: toProfile(toFields(fields['profile'])),
    entitlements: toIds(fields['entitlements'], 'entitlement'),
    roles: toIds(fields['roles'], 'role')
  }
}

function toSubscription(fields: Fields): Fields {
  return {
    active: toBoolean(fields['active']),
    ...texts(fields, ['status', 'plan', 'subscribedAt']),
    features: toIds(fields['features'], 'feature')
  }
}

function toProfile(fields: Fields): Fields {
  return {
    autoSelectAudio: toBoolean(fields['autoSelectAudio'] ?? true),
    ...texts(fields, ['defaultAudioLanguage', 'defaultSubtitleLanguage']),
    defaultAudioLanguages: toLanguages(fields['defaultAudioLanguages']),
    defaultSubtitleLanguages: toLanguages(fields['defaultSubtitleLanguages']),
    mediaReviewsLanguages: toLanguages(fields['mediaReviewsLanguages']),
    ...integers(fields, ['defaultAudioAccessibility', 'autoSelectSubtitle', 'defaultSubtitleAccessibility']),
    ...integers(fields, ['defaultSubtitleForced', 'watchedIndicator', 'mediaReviewsVisibility'])
  }
}

/** JSON lists the ids themselves; XML wraps them: `<roles><role id="plexpass"/></roles>`. */
function toIds(value: unknown, element: string): readonly string[] {
  const list = Array.isArray(value) ? value : toList(toFields(value)[element])
  const ids = list.map((entry) => toText(typeof entry === 'string' ? entry : toFields(entry)['id'], 100))
  return ids.filter((id) => id !== '')
}

/** A list, null or, since July 2026, a comma-separated text (reference/plex.md#accounts). */
function toLanguages(value: unknown): readonly string[] {
  const list = typeof value === 'string' ? value.split(',') : toList(value)
  return list.map((entry) => toText(entry, 35).trim()).filter((language) => language !== '')
}

function texts(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, toText(fields[name], 500) || null]))
}

function booleans(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, toBoolean(fields[name])]))
}

function integers(fields: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, toInteger(fields[name])]))
}
