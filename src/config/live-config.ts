import { isDeepStrictEqual } from 'node:util'
import { type Config, combineConfig, loadConfig } from './config.ts'
import type { Environment } from './environment.ts'
import { SETTINGS, type SettingName, type Values } from './settings.ts'

/** What a reload can change. Everything else is part of a listener, a connection or a cookie, and needs a restart. */
export const RELOADABLE: readonly SettingName[] = [
  'USHER_SESSION_KEYS',
  'USHER_SERVICES',
  'USHER_APPS',
  'USHER_GROUPS',
  'USHER_OIDC_CLIENTS',
  'USHER_OIDC_KEYS',
  'USHER_BRAND_NAME',
  'USHER_BRAND_LOGO'
]

export interface LiveConfig {
  /** One object for the life of the process. Read its reloadable members when they are needed, and keep none. */
  readonly config: Config
  adopt(next: Config): void
}

export function createLiveConfig(initial: Config): LiveConfig {
  let current = initial
  const config: Config = Object.defineProperties(
    {
      ...initial,
      get sessionKeys() {
        return current.sessionKeys
      },
      get services() {
        return current.services
      },
      get apps() {
        return current.apps
      },
      get groups() {
        return current.groups
      },
      get oidc() {
        return current.oidc
      },
      get brand() {
        return current.brand
      }
    },
    // How it prints: `conceal` made it so, and a spread leaves that out.
    { ...pickHidden(initial), values: { get: () => current.values } }
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
  const changed = different.filter((name) => RELOADABLE.includes(name))
  const fresh = Object.fromEntries(changed.map((name) => [name, next.values[name]]))
  return {
    config: combineConfig({ ...before.values, ...fresh } as Values),
    changed,
    waiting: different.filter((name) => !RELOADABLE.includes(name))
  }
}
