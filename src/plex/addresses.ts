import { lookup as dnsLookup, type LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

/** `forbidden`: where no media server can be. Cloud metadata, multicast, unspecified, reserved. */
export type AddressClass = 'public' | 'private' | 'loopback' | 'forbidden'

const CLASSES: Readonly<Record<string, AddressClass>> = {
  unicast: 'public',
  private: 'private',
  uniqueLocal: 'private',
  carrierGradeNat: 'private',
  linkLocal: 'private',
  loopback: 'loopback'
}

/** Where clouds hand out credentials: AWS, Azure, GCP and others, ECS, EKS, Alibaba, Oracle. */
const METADATA: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '169.254.170.23',
  '169.254.0.23',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::254',
  'fd00:ec2::23',
  'fd20:ce::254'
])

/** IPv4 inside IPv6 forms that only some networks translate: RFC 4291 §2.5.5.1 (deprecated), RFC 8215 (local use). */
const UNCLEAR: readonly [ipaddr.IPv6, number][] = [
  [ipaddr.IPv6.parse('::'), 96],
  [ipaddr.IPv6.parse('64:ff9b:1::'), 48]
]

/** The class of an IP address in text form; anything that is not one is forbidden. */
export function classifyAddress(address: string): AddressClass {
  // A zone (fe80::1%eth0) says something about this machine only; plex.tv cannot know it.
  if (address.includes('%') || !ipaddr.isValid(address)) return 'forbidden'
  const parsed = ipaddr.process(address)
  const range = parsed.range()
  if (parsed instanceof ipaddr.IPv6 && range !== 'loopback' && UNCLEAR.some((prefix) => parsed.match(prefix)))
    return 'forbidden'
  if (parsed instanceof ipaddr.IPv6 && (range === 'rfc6052' || range === 'ipv4Mapped')) {
    // NAT64 (RFC 6052 §2.1) ends with the IPv4 address that is actually reached.
    return classifyAddress(new ipaddr.IPv4(parsed.toByteArray().slice(12)).toString())
  }
  return METADATA.has(parsed.toString()) ? 'forbidden' : (CLASSES[range] ?? 'forbidden')
}

export type AddressRule = (address: string) => boolean

/** The error for a connection that was not attempted because its address is not allowed. */
export function addressRefused(): NodeJS.ErrnoException {
  return Object.assign(new Error('address not allowed'), { code: 'USHER_ADDRESS_REFUSED' })
}

/**
 * A socket `lookup` that returns only allowed addresses. The checked address is the one that is connected to, so a
 * name that changes between two look-ups gains nothing (SECURITY rule 42).
 */
export function createGuardedLookup(
  isAllowed: AddressRule,
  lookup: typeof dnsLookup = dnsLookup
): LookupFunction {
  return (hostname, options, callback) => {
    const asked = { ...options, all: true as const }
    lookup(hostname, asked, (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => {
      const allowed = error ? [] : found.filter(({ address }) => isAllowed(address))
      const first = allowed[0]
      if (!first) callback(error ?? addressRefused(), '', 4)
      else if (options.all) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
  }
}
