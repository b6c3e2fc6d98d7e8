import { isDeepStrictEqual } from 'node:util'
import { type Config, combineConfig, loadConfig } from './config.ts'
import type { Environment } from './environment.ts'
import { SETTINGS, type SettingName, type Values } from './settings.ts'

/**
 * What a reload can change, and the member that it is part of. Everything else belongs to a listener, a connection or a
 * cookie, and needs a restart.
 */
const RELOADABLE: Readonly<Partial<Record<SettingName, keyof Config>>> = {
  USHER_SESSION_KEYS: 'sessionKeys',
  USHER_SERVICES: 'services',
  USHER_APPS: 'apps',
  USHER_GROUPS: 'groups',
  USHER_OIDC_CLIENTS: 'oidc',
  USHER_OIDC_KEYS: 'oidc',
  USHER_BRAND_NAME: 'brand',
  USHER_BRAND_LOGO: 'brand'
}

export interface LiveConfig {
  /** One object for the life of the process. Read its reloadable members when they are needed, and keep none. */
  readonly config: Config
  adopt(next: Config): void
}

export function createLiveConfig(initial: Config): LiveConfig {
  let current = initial
  const live = (member: keyof Config) => ({ get: () => current[member], enumerable: member !== 'values' })
  const members = new Set<keyof Config>([...Object.values(RELOADABLE), 'values'])
  const config: Config = Object.defineProperties(
    { ...initial },
    {
      // How it prints: `conceal` made it so, and a spread leaves that out.
      ...pickHidden(initial),
      ...Object.fromEntries([...members].map((member) => [member, live(member)]))
    }
  )
  return {
    config,
    adopt(next) {
      current = next
    }
  }
}

function pickHidden(config: Config): PropertyDescriptorMap {
  const all = Object.getOwnPropertyDescriptors(config) as PropertyDescriptorMap
  const hidden = Reflect.ownKeys(all).filter((key) => all[key as string]?.enumerable === false)
  return Object.fromEntries(hidden.map((key) => [key, all[key as string] as PropertyDescriptor]))
}

export interface Rereading {
  readonly config: Config
  readonly changed: readonly SettingName[]
  /** Settings whose new value takes a restart. */
  readonly waiting: readonly SettingName[]
}

/** Reads all settings and their files again. Throws ConfigError, also where a new value contradicts one that stays. */
export function rereadConfig(env: Environment, before: Config): Rereading {
  const next = loadConfig(env)
  const names = Object.keys(SETTINGS) as SettingName[]
  const different = names.filter((name) => !isDeepStrictEqual(before.values[name], next.values[name]))
  const changed = different.filter((name) => name in RELOADABLE)
  const fresh = Object.fromEntries(changed.map((name) => [name, next.values[name]]))
  return {
    config: combineConfig({ ...before.values, ...fresh } as Values),
    changed,
    waiting: different.filter((name) => !(name in RELOADABLE))
  }
}
