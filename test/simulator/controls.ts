import type { AccountKey } from './accounts.ts'
import type { Fault } from './faults.ts'
import type { JsonObject } from './json.ts'
import type { LimitSettings } from './limits.ts'
import type { Listener } from './listener.ts'
import type { Modes } from './modes.ts'
import { createModes } from './modes.ts'
import type { Pin } from './pins.ts'
import type { PmsService } from './pms/media-server.ts'
import type { WatchState } from './pms/playback-state.ts'
import type { Transcode } from './pms/transcode.ts'
import type { ReceivedFilter, RecordedRequest } from './recorder.ts'
import type { Service } from './request.ts'
import type { Connection, Share } from './servers.ts'
import type { World } from './world.ts'

/** What a test knows about an account. */
export interface AccountView {
  readonly key: AccountKey
  readonly id: number
  readonly uuid: string
  readonly username: string
  readonly title: string
  readonly email: string
  /** The login to type; null for profiles without one. */
  readonly login: string | null
  readonly password: string | null
  readonly verificationCode: string | null
  readonly homePin: string | null
  /** What it demonstrates. */
  readonly shows: string
}

export interface LivingToken {
  readonly account: AccountKey
  readonly clientIdentifier: string
  readonly token: string
  /** Whether a response that contains it has left whole. */
  readonly isDelivered: boolean
}

/** Every switch of the simulator. `connectSimulator` has the same over HTTP. */
export interface Controls {
  received(filter?: ReceivedFilter): RecordedRequest[]
  clearReceived(): void
  /** Every secret ever issued: tokens of all kinds, PIN hashes, service secrets, cookies. */
  secrets(): string[]
  /** Sets the values of the next secrets with this tag; `transient` for transient tokens. */
  presetSecrets(tag: string, ...values: string[]): void
  readonly accounts: {
    list(): AccountView[]
    /** Changes an account: `verificationCode`, `emailOnlyAuth`, `locked`, `password`, `homePin`, names. */
    set(key: AccountKey, changes: Partial<AccountChanges>): void
  }
  readonly faults: { set(fault: Fault): number; clear(which?: number | Service): void }
  readonly modes: { get(): Modes; set(changes: Partial<Modes>): void; reset(): void }
  readonly clock: { now(): number; advance(ms: number): void; set(epochMs: number): void }
  readonly tokens: {
    /** A live account token, as if signed in. It replaces the pair's previous token. */
    issue(key: AccountKey, clientIdentifier: string, token?: string): string
    revoke(token: string): boolean
    /** Revokes all tokens of the account on every device; returns how many. */
    revokeAccount(key: AccountKey): number
    isAlive(token: string): boolean
    living(key?: AccountKey): LivingToken[]
    /** The server token of a share; null without one. */
    server(key: AccountKey, machineIdentifier: string): string | null
    /** As after a password change that signs out all devices: tokens dead, own servers unclaimed. */
    resetPassword(key: AccountKey): void
  }
  readonly pins: {
    list(): Pin[]
    claim(idOrCode: number | string, key: AccountKey): boolean
    cancel(idOrCode: number | string): boolean
    /** Sets id and code of the next one. */
    preset(id: number, code: string): void
  }
  readonly shares: {
    add(key: AccountKey, machineIdentifier: string, pending?: boolean): Share
    remove(key: AccountKey, machineIdentifier: string): boolean
    list(): Share[]
  }
  /** The libraries of the media servers that an account sees, by title. */
  readonly libraries: {
    hide(key: AccountKey, title: string): void
    show(key: AccountKey, title: string): void
  }
  readonly servers: {
    setConnections(machineIdentifier: string, connections: Connection[]): void
    set(
      machineIdentifier: string,
      changes: { claimed?: boolean; presence?: boolean; httpsRequired?: boolean }
    ): void
  }
  readonly limits: { set(changes: Partial<LimitSettings>): void; lock(ip: string): void; clear(): void }
  readonly jwt: {
    rotate(): void
    publish(keys: JsonObject[]): void
    presetNonce(nonce: string): void
  }
  readonly pms: PmsControls
  readonly pms2: PmsControls
  /** Closes the port and every connection, as if the machine were gone. */
  plexDown(): Promise<void>
  plexUp(): Promise<void>
  pmsDown(): Promise<void>
  pmsUp(): Promise<void>
  pms2Down(): Promise<void>
  pms2Up(): Promise<void>
  openSockets(service: Service): number
  /** Requests whose response is not complete. */
  activeResponses(service: Service): number
  /** Resets faults, modes, limits, lockouts and recorded requests; keeps tokens and PINs. */
  reset(): void
}

export interface AccountChanges {
  password: string | null
  verificationCode: string | null
  emailOnlyAuth: boolean
  confirmed: boolean
  locked: boolean
  homePin: string | null
  username: string
  title: string
  email: string
  friendlyName: string
}

export interface PmsControls {
  restart(): void
  setClaimed(claimed: boolean): void
  push(type: string, entry: JsonObject): number
  pushRaw(text: string): number
  streams(): number
  sockets(): number
  frames(): string[]
  endStreams(code?: number): void
  watched(key: AccountKey, ratingKey: string): WatchState
  transcodes(): Transcode[]
}

export interface Services {
  readonly listeners: Readonly<Record<Service, Listener>>
  readonly pms: PmsService
  readonly pms2: PmsService
}

export function createControls(world: World, { listeners, pms, pms2 }: Services): Controls {
  const { accounts, clock, faults, jwt, limits, modes, pins, recorder, servers, tokens } = world
  const defaultLimits = { ...limits.settings }
  const serverOf = (machineIdentifier: string) => {
    const server = servers.byMachine(machineIdentifier)
    if (!server) throw new RangeError(`no server ${machineIdentifier}`)
    return server
  }
  return {
    received: (filter) => recorder.received(filter),
    clearReceived: () => recorder.clear(),
    secrets: () => world.secrets.all(),
    presetSecrets: (tag, ...values) => world.secrets.preset(tag, ...values),
    accounts: {
      list: () =>
        accounts.all.map(
          ({ key, id, uuid, username, title, email, password, verificationCode, homePin, shows }) => ({
            key,
            id,
            uuid,
            username,
            title,
            email,
            login: email === '' ? null : email,
            password,
            verificationCode,
            homePin,
            shows
          })
        ),
      set: (key, changes) => {
        Object.assign(accounts.get(key), changes)
      }
    },
    faults: { set: (fault) => faults.set(fault), clear: (which) => faults.clear(which) },
    modes: {
      get: () => ({ ...modes }),
      set: (changes) => {
        Object.assign(modes, changes)
      },
      reset: () => {
        Object.assign(modes, createModes())
      }
    },
    clock,
    tokens: {
      issue: (key, clientIdentifier, token) =>
        tokens.issue(accounts.get(key), clientIdentifier, {}, token).token,
      revoke: (token) => tokens.revoke(token),
      revokeAccount: (key) => tokens.revokeAccount(accounts.get(key).id),
      isAlive: (token) => tokens.find(token) !== undefined,
      living: (key) =>
        tokens.living(key && accounts.get(key).id).map(({ account, device, token, isDelivered }) => ({
          account: account.key,
          clientIdentifier: device.clientIdentifier,
          token,
          isDelivered
        })),
      server: (key, machineIdentifier) =>
        servers.share(accounts.get(key), serverOf(machineIdentifier))?.token ?? null,
      resetPassword: (key) => {
        tokens.revokeAccount(accounts.get(key).id)
        for (const server of servers.all) if (server.owner === key) server.claimed = false
      }
    },
    pins: {
      list: () => pins.living(),
      claim: (idOrCode, key) => pins.claim(idOrCode, key),
      cancel: (idOrCode) => pins.cancel(idOrCode),
      preset: (id, code) => pins.preset(id, code)
    },
    shares: {
      add: (key, machineIdentifier, pending) => servers.addShare(key, machineIdentifier, pending),
      remove: (key, machineIdentifier) => servers.removeShare(key, machineIdentifier),
      list: () => [...servers.shares()]
    },
    libraries: {
      hide: (key, title) => void world.hiddenLibraries.add(`${key} ${title}`),
      show: (key, title) => void world.hiddenLibraries.delete(`${key} ${title}`)
    },
    servers: {
      setConnections: (machineIdentifier, connections) => {
        serverOf(machineIdentifier).connections = connections
      },
      set: (machineIdentifier, changes) => {
        Object.assign(serverOf(machineIdentifier), changes)
      }
    },
    limits: {
      set: (changes) => {
        Object.assign(limits.settings, changes)
      },
      lock: (ip) => limits.lock(ip),
      clear: () => limits.clear()
    },
    jwt: {
      rotate: () => jwt.rotate(),
      publish: (keys) => jwt.publish(keys),
      presetNonce: (nonce) => jwt.presetNonce(nonce)
    },
    pms: pmsControls(pms, (claimed) => {
      servers.box.claimed = claimed
    }),
    pms2: pmsControls(pms2, (claimed) => {
      servers.den.claimed = claimed
    }),
    plexDown: () => listeners.plex.down(),
    plexUp: () => listeners.plex.up(),
    pmsDown: () => listeners.pms.down(),
    pmsUp: () => listeners.pms.up(),
    pms2Down: () => listeners.pms2.down(),
    pms2Up: () => listeners.pms2.up(),
    openSockets: (service) => listeners[service].openSockets(),
    activeResponses: (service) => listeners[service].activeResponses(),
    reset: () => {
      faults.clear()
      Object.assign(modes, createModes())
      Object.assign(limits.settings, defaultLimits)
      limits.clear()
      recorder.clear()
    }
  }
}

function pmsControls(pms: PmsService, setClaimed: (claimed: boolean) => void): PmsControls {
  const { notifications } = pms
  return {
    restart: () => pms.restart(),
    setClaimed,
    push: (type, entry) => notifications.push(type, entry),
    pushRaw: (text) => notifications.pushRaw(text),
    streams: () => notifications.streams(),
    sockets: () => notifications.sockets(),
    frames: () => notifications.frames(),
    endStreams: (code) => notifications.end(code),
    watched: (key, ratingKey) => pms.watched(key, ratingKey),
    transcodes: () => pms.transcodes()
  }
}
