import type { SimAccount } from './accounts.ts'
import type { Secrets } from './secrets.ts'

export interface Device {
  readonly id: number
  readonly accountId: number
  readonly clientIdentifier: string
  product: string
  deviceName: string
  platform: string
  createdAt: number
  lastSeenAt: number
}

export interface AccountToken {
  readonly token: string
  readonly account: SimAccount
  readonly device: Device
  /** Epoch milliseconds. */
  readonly issuedAt: number
  /** Whether a response that contains it has left whole: until then nobody can know it, nor sign it out. */
  isDelivered: boolean
}

export interface DeviceInfo {
  readonly product?: string | undefined
  readonly deviceName?: string | undefined
  readonly platform?: string | undefined
}

/** Account tokens: one live token per account and client identifier (reference/plex.md#tokens). */
export interface Tokens {
  /** Issues a new token; the pair's previous token dies. */
  issue(account: SimAccount, clientIdentifier: string, info?: DeviceInfo, token?: string): AccountToken
  find(token: string | undefined): AccountToken | undefined
  /** False if it was already dead. */
  revoke(token: string): boolean
  revokeAccount(accountId: number): number
  living(accountId?: number): AccountToken[]
  /** Notes the tokens in a response that has left whole. */
  delivered(text: string): void
  device(accountId: number, clientIdentifier: string): Device | undefined
  /** Forgets the device and kills its token. */
  removeDevice(deviceId: number): boolean
  /**
   * Makes a JWT the device's token; the legacy token dies
   * (reference/plex.md#json-web-tokens).
   */
  replace(account: SimAccount, device: Device, token: string): void
}

export function createTokens(secrets: Secrets, now: () => number): Tokens {
  const byToken = new Map<string, AccountToken>()
  const devices = new Map<string, Device>()
  let nextDeviceId = 800_001

  const killPair = (accountId: number, clientIdentifier: string): void => {
    for (const entry of byToken.values()) {
      if (entry.account.id !== accountId || entry.device.clientIdentifier !== clientIdentifier) continue
      byToken.delete(entry.token)
    }
  }
  const touchDevice = (accountId: number, clientIdentifier: string, info: DeviceInfo): Device => {
    const key = `${accountId} ${clientIdentifier}`
    const device = devices.get(key) ?? {
      id: nextDeviceId++,
      accountId,
      clientIdentifier,
      product: '',
      deviceName: '',
      platform: '',
      createdAt: now(),
      lastSeenAt: now()
    }
    device.product = info.product ?? device.product
    device.deviceName = info.deviceName ?? device.deviceName
    device.platform = info.platform ?? device.platform
    device.lastSeenAt = now()
    devices.set(key, device)
    return device
  }
  const add = (account: SimAccount, device: Device, token: string): AccountToken => {
    killPair(account.id, device.clientIdentifier)
    const entry = { token: secrets.keep(token), account, device, issuedAt: now(), isDelivered: false }
    byToken.set(token, entry)
    return entry
  }
  return {
    issue: (account, clientIdentifier, info = {}, token = secrets.mint(account.tag)) =>
      add(account, touchDevice(account.id, clientIdentifier, info), token),
    find: (token) => (token === undefined ? undefined : byToken.get(token)),
    revoke: (token) => byToken.delete(token),
    revokeAccount: (accountId) => {
      const dead = [...byToken.values()].filter((entry) => entry.account.id === accountId)
      for (const entry of dead) byToken.delete(entry.token)
      return dead.length
    },
    living: (accountId) =>
      [...byToken.values()].filter((entry) => accountId === undefined || entry.account.id === accountId),
    delivered: (text) => {
      for (const entry of byToken.values())
        if (!entry.isDelivered && text.includes(entry.token)) entry.isDelivered = true
    },
    device: (accountId, clientIdentifier) => devices.get(`${accountId} ${clientIdentifier}`),
    removeDevice: (deviceId) => {
      for (const [key, device] of devices) {
        if (device.id !== deviceId) continue
        devices.delete(key)
        killPair(device.accountId, device.clientIdentifier)
        return true
      }
      return false
    },
    replace: (account, device, token) => {
      add(account, device, token)
    }
  }
}
