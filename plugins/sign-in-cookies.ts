import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Seal } from '../src/seal/seal.ts'
import {
  type CookieAttributes,
  type CookieNames,
  findCookie,
  findOpening
} from '../src/session/cookie/cookie.ts'
import { type Device, deviceCodec } from '../src/session/sign-in/device.ts'
import { type SignIn, signInsCodec } from '../src/session/sign-in/sign-in.ts'

export interface SignInCookiesOptions {
  readonly seal: Seal
  readonly names: CookieNames
  readonly hostAttributes: CookieAttributes
  readonly now: () => number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The sign-ins in progress in this browser, without those long expired. */
    findSignIns(): readonly SignIn[]
    /** This browser's device; null if it has none yet. */
    findDevice(): Device | null
  }
  interface FastifyReply {
    /** Stores the sign-ins in progress; clears the cookie if there is none. */
    setSignIns(signIns: readonly SignIn[]): void
    /** Remembers the device for 400 days, the longest that browsers keep a cookie. */
    setDevice(device: Device): void
    /** Cookies that this reply sets or clears, and which are therefore not re-sealed. */
    ownCookies: readonly ('signin' | 'device')[] | null
  }
}

const DEVICE_MAX_AGE_S = 400 * 86_400
const SIGN_IN_MAX_AGE_S = 15 * 60
/** A poll after expiry is answered "expired" once; after this time the sign-in counts as absent. */
const EXPIRED_IS_SAID_FOR_MS = 60 * 60_000

/** The two other cookies: the sign-ins in progress, and this browser's client identifier. */
export default fp<SignInCookiesOptions>(
  async (fastify, { seal, names, hostAttributes, now }) => {
    const maxAges = { signin: SIGN_IN_MAX_AGE_S, device: DEVICE_MAX_AGE_S } as const

    function open<T>(
      request: FastifyRequest,
      purpose: 'signin' | 'device',
      decode: (value: unknown) => T | null
    ): T | null {
      return findOpening(request.raw.headers.cookie, names[purpose], (value) => {
        const unsealed = seal.unseal(purpose, value)
        return typeof unsealed === 'string' ? null : decode(unsealed.value)
      })
    }

    function own(reply: FastifyReply, purpose: 'signin' | 'device'): void {
      reply.ownCookies = [...(reply.ownCookies ?? []), purpose]
    }

    function set(reply: FastifyReply, purpose: 'signin' | 'device', value: readonly unknown[]): void {
      own(reply, purpose)
      const attributes = { ...hostAttributes, maxAge: maxAges[purpose] }
      reply.setCookie(names[purpose], seal.seal(purpose, value), attributes)
    }

    fastify.decorateReply('ownCookies', null)
    fastify.decorateRequest('findSignIns', function (this: FastifyRequest) {
      const signIns = open(this, 'signin', signInsCodec.decode) ?? []
      return signIns.filter(({ expiresAt }) => now() < expiresAt + EXPIRED_IS_SAID_FOR_MS)
    })
    fastify.decorateRequest('findDevice', function (this: FastifyRequest) {
      return open(this, 'device', deviceCodec.decode)
    })
    fastify.decorateReply('setSignIns', function (this: FastifyReply, signIns: readonly SignIn[]) {
      if (signIns.length > 0) return set(this, 'signin', signInsCodec.encode(signIns))
      own(this, 'signin')
      this.clearCookie(names.signin, hostAttributes)
    })
    fastify.decorateReply('setDevice', function (this: FastifyReply, device: Device) {
      set(this, 'device', deviceCodec.encode(device))
    })

    // The session plugin re-seals its own. A browser that never signs in anew would lose its device with the old key.
    fastify.addHook('onSend', (request, reply, payload, done) => {
      for (const purpose of ['device', 'signin'] as const) {
        const value = findCookie(request.raw.headers.cookie, names[purpose])
        if (typeof value !== 'string' || reply.ownCookies?.includes(purpose)) continue
        if (seal.ageOf(value) !== 'older') continue
        const unsealed = seal.unseal(purpose, value)
        if (typeof unsealed === 'string') continue
        const attributes = { ...hostAttributes, maxAge: maxAges[purpose] }
        const renewed = seal.seal(purpose, unsealed.value)
        // Not setCookie: @fastify/cookie's own onSend, which has run by now, is what would write it.
        reply.header('set-cookie', fastify.serializeCookie(names[purpose], renewed, attributes))
        reply.header('cache-control', 'no-store')
      }
      done(null, payload)
    })
  },
  { name: 'sign-in-cookies', dependencies: ['@fastify/cookie'] }
)
