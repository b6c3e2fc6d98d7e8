import type { AccountKey, SimAccount } from './accounts.ts'
import type { Secrets } from './secrets.ts'

export interface Connection {
  readonly protocol: 'http' | 'https'
  readonly address: string
  readonly port: number
  readonly uri: string
  readonly local: boolean
  readonly relay: boolean
  readonly IPv6: boolean
}

export interface SimServer {
  readonly service: 'pms' | 'pms2'
  readonly name: string
  readonly machineIdentifier: string
  readonly owner: AccountKey
  readonly version: string
  claimed: boolean
  presence: boolean
  httpsRequired: boolean
  connections: Connection[]
}

export interface Share {
  readonly account: AccountKey
  readonly machineIdentifier: string
  readonly token: string
  pending: boolean
}

export const BOX_ID = 'c997cf82c4158cb986ccc0e8f829a6f5d5086a63'
export const DEN_ID = '243b471948ace337a8f92f129ec97d1902fcb1df'
export const PMS_VERSION = '1.43.2.10467-abcdef012'

/** The two media servers and their shares; a share has one server token per account and server. */
export interface Servers {
  readonly box: SimServer
  readonly den: SimServer
  readonly all: readonly SimServer[]
  byMachine(machineIdentifier: string): SimServer | undefined
  /** Creates a share with a new server token; replaces an existing one. */
  addShare(account: AccountKey, machineIdentifier: string, pending?: boolean): Share
  /** The server token dies at once. */
  removeShare(account: AccountKey, machineIdentifier: string): boolean
  share(account: SimAccount, server: SimServer): Share | undefined
  shares(machineIdentifier?: string): readonly Share[]
  /** The account that a server token belongs to, on that server only. */
  findShare(token: string, server: SimServer): Share | undefined
}

const SHARED_WITH: readonly AccountKey[] = [
  'friend',
  'member',
  'kid',
  'guest',
  'twoFactor',
  'emailOnly',
  'sso',
  'locked',
  'unicode'
]

export function createServers(secrets: Secrets): Servers {
  const box = server('pms', 'Box', BOX_ID, 'owner')
  const den = server('pms2', 'Den', DEN_ID, 'friend')
  let shares: Share[] = []
  const addShare = (account: AccountKey, machineIdentifier: string, pending = false): Share => {
    shares = shares.filter(
      (entry) => entry.account !== account || entry.machineIdentifier !== machineIdentifier
    )
    const share = { account, machineIdentifier, token: secrets.mint('srv'), pending }
    shares.push(share)
    return share
  }
  // Den first: the first server token is the owner's on Den, as in test vector TV-19.
  addShare('owner', DEN_ID)
  for (const key of SHARED_WITH) addShare(key, BOX_ID)
  addShare('pending', BOX_ID, true)

  return {
    box,
    den,
    all: [box, den],
    byMachine: (machineIdentifier) =>
      [box, den].find((entry) => entry.machineIdentifier === machineIdentifier),
    addShare,
    removeShare: (account, machineIdentifier) => {
      const before = shares.length
      shares = shares.filter(
        (entry) => entry.account !== account || entry.machineIdentifier !== machineIdentifier
      )
      return shares.length < before
    },
    share: (account, { machineIdentifier }) =>
      shares.find((entry) => entry.account === account.key && entry.machineIdentifier === machineIdentifier),
    shares: (machineIdentifier) =>
      shares.filter(
        (entry) => machineIdentifier === undefined || entry.machineIdentifier === machineIdentifier
      ),
    findShare: (token, { machineIdentifier }) =>
      shares.find(
        (entry) => entry.token === token && entry.machineIdentifier === machineIdentifier && !entry.pending
      )
  }
}

function server(
  service: SimServer['service'],
  name: string,
  machineIdentifier: string,
  owner: AccountKey
): SimServer {
  return {
    service,
    name,
    machineIdentifier,
    owner,
    version: PMS_VERSION,
    claimed: true,
    presence: true,
    httpsRequired: false,
    connections: []
  }
}

/** The connections of the test vectors: documentation addresses, which lead nowhere. */
export const BOX_CONNECTIONS: readonly Connection[] = [
  direct('172.18.0.3', 32400, '93b10b279ff8456686414add109854cd', true, false),
  direct('203.0.113.7', 32400, '93b10b279ff8456686414add109854cd', false, false),
  direct('198.51.100.9', 8443, '93b10b279ff8456686414add109854cd', false, true)
]
export const DEN_CONNECTIONS: readonly Connection[] = [
  direct('198.51.100.22', 32400, '0123456789abcdef0123456789abcdef', false, false)
]

function direct(address: string, port: number, hash: string, local: boolean, relay: boolean): Connection {
  const uri = `https://${address.replaceAll('.', '-')}.${hash}.plex.direct:${port}`
  return { protocol: 'https', address, port, uri, local, relay, IPv6: false }
}
