import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Seal } from '../src/seal/seal.ts'
import { type CookieAttributes, type CookieNames, findCookie } from '../src/session/cookie/cookie.ts'
import { type Device, deviceCodec } from '../src/session/sign-in/device.ts'
import { type SignIn, signInsCodec } from '../src/session/sign-in/sign-in.ts'

export interface SignInCookiesOptions {
  readonly seal: Seal
  readonly names: CookieNames
  readonly attributes: CookieAttributes
  readonly now: () => number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The sign-ins under way in this browser, without those long past their end. */
    findSignIns(): readonly SignIn[]
    /** This browser's device, null where it has none yet. */
    findDevice(): Device | null
  }
  interface FastifyReply {
    /** Remembers the sign-ins under way; clears the cookie where none is left. */
    setSignIns(signIns: readonly SignIn[]): void
    /** Remembers the device for 400 days, the longest that browsers keep a cookie. */
    setDevice(device: Device): void
  }
}

const DEVICE_MAX_AGE_S = 400 * 86_400
const SIGN_IN_MAX_AGE_S = 15 * 60
/** A poll that comes after the end is answered "expired" once; past this the sign-in counts as none. */
const EXPIRED_IS_SAID_FOR_MS = 60 * 60_000

/** The two cookies beside the session's: the sign-ins under way, and this browser's own client identifier. */
export default fp<SignInCookiesOptions>(
  async (fastify, { seal, names, attributes, now }) => {
    function open(request: FastifyRequest, name: string, purpose: 'signin' | 'device'): unknown {
      const value = findCookie(request.raw.headers.cookie, name)
      if (value === undefined || value === null) return null
      const unsealed = seal.unseal(purpose, value)
      return typeof unsealed === 'string' ? null : unsealed.value
    }

    fastify.decorateRequest('findSignIns', function (this: FastifyRequest) {
      const signIns = signInsCodec.decode(open(this, names.signin, 'signin')) ?? []
      return signIns.filter(({ expiresAt }) => now() < expiresAt + EXPIRED_IS_SAID_FOR_MS)
    })
    fastify.decorateRequest('findDevice', function (this: FastifyRequest) {
      return deviceCodec.decode(open(this, names.device, 'device'))
    })
    fastify.decorateReply('setSignIns', function (this: FastifyReply, signIns: readonly SignIn[]) {
      if (signIns.length === 0) {
        this.clearCookie(names.signin, attributes)
        return
      }
      const value = seal.seal('signin', signInsCodec.encode(signIns))
      this.setCookie(names.signin, value, { ...attributes, maxAge: SIGN_IN_MAX_AGE_S })
    })
    fastify.decorateReply('setDevice', function (this: FastifyReply, device: Device) {
      const value = seal.seal('device', deviceCodec.encode(device))
      this.setCookie(names.device, value, { ...attributes, maxAge: DEVICE_MAX_AGE_S })
    })
  },
  { name: 'sign-in-cookies', dependencies: ['@fastify/cookie'] }
)
