import { createRequire } from 'node:module'
import { isTelevision } from '../domain/televisions.ts'

export const DEVICE_KINDS = ['desktop', 'phone', 'tablet', 'tv', 'other'] as const
export type DeviceKind = (typeof DEVICE_KINDS)[number]

export interface DeviceDescription {
  /** Browser and system, such as "Firefox on Windows"; '' where the browser does not say. */
  readonly name: string
  readonly kind: DeviceKind
}

const KINDS: Readonly<Record<string, DeviceKind>> = {
  desktop: 'desktop',
  mobile: 'phone',
  tablet: 'tablet',
  tv: 'tv'
}
export const MOST_CHARS = 400

/** Name and kind by the User-Agent field, by a parser that is loaded when the first one is read. No fingerprint. */
export function describeDevice(userAgent: string): DeviceDescription {
  const bowser = createRequire(import.meta.url)('bowser') as typeof import('bowser')
  const { browser, os, platform } = bowser.parse(userAgent.slice(0, MOST_CHARS) || ' ')
  const television = isTelevision(userAgent)
  const system = television && (os.name ?? '') === '' ? 'a television' : (os.name ?? '')
  // A television's browser and system often share a name.
  const parts = new Set([browser.name ?? '', system].filter((part) => part !== ''))
  const name = [...parts].join(' on ')
  return { name: name.slice(0, 100), kind: television ? 'tv' : (KINDS[platform.type ?? ''] ?? 'other') }
}
