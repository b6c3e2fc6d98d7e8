import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Seal } from '../src/seal/seal.ts'
import { type CookieAttributes, type CookieNames, findCookie } from '../src/session/cookie/cookie.ts'
import { type Device, deviceCodec, lendTo, type SignIn, signInCodec } from '../src/session/sign-in/sign-in.ts'

export interface SignInCookiesOptions {
  readonly seal: Seal
  readonly names: CookieNames
  readonly attributes: CookieAttributes
  readonly now: () => number
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The sign-in under way in this browser, null without one or past its end. */
    findSignIn(): SignIn | null
    /** This browser's device, null where it has none yet. */
    findDevice(): Device | null
  }
  interface FastifyReply {
    /** Remembers a sign-in under way, and that its PIN is out where that goes under the device's identifier. */
    setSignIn(signIn: SignIn): void
    clearSignIn(): void
    /** Remembers the device for 400 days, the longest that browsers keep a cookie. */
    setDevice(device: Device): void
  }
}

const DEVICE_MAX_AGE_S = 400 * 86_400
const SIGN_IN_MAX_AGE_S = 15 * 60

/** The two cookies beside the session: a sign-in under way, and this browser's own client identifier. */
export default fp<SignInCookiesOptions>(
  async (fastify, { seal, names, attributes, now }) => {
    function open(request: FastifyRequest, name: string, purpose: 'signin' | 'device'): unknown {
      const value = findCookie(request.raw.headers.cookie, name)
      if (value === undefined || value === null) return null
      const unsealed = seal.unseal(purpose, value)
      return typeof unsealed === 'string' ? null : unsealed.value
    }

    fastify.decorateRequest('findSignIn', function (this: FastifyRequest) {
      const signIn = signInCodec.decode(open(this, names.signin, 'signin'))
      return signIn !== null && now() < signIn.expiresAt + EXPIRED_IS_SAID_FOR_MS ? signIn : null
    })
    fastify.decorateRequest('findDevice', function (this: FastifyRequest) {
      return deviceCodec.decode(open(this, names.device, 'device'))
    })
    fastify.decorateReply('setSignIn', function (this: FastifyReply, signIn: SignIn) {
      const value = seal.seal('signin', signInCodec.encode(signIn))
      this.setCookie(names.signin, value, { ...attributes, maxAge: SIGN_IN_MAX_AGE_S })
      const device = this.request.findDevice()
      if (device?.clientIdentifier === signIn.clientIdentifier) this.setDevice(lendTo(device, now()))
    })
    fastify.decorateReply('clearSignIn', function (this: FastifyReply) {
      this.clearCookie(names.signin, attributes)
    })
    fastify.decorateReply('setDevice', function (this: FastifyReply, device: Device) {
      const value = seal.seal('device', deviceCodec.encode(device))
      this.setCookie(names.device, value, { ...attributes, maxAge: DEVICE_MAX_AGE_S })
    })
  },
  { name: 'sign-in-cookies', dependencies: ['@fastify/cookie'] }
)

/** A poll that comes after the end is told "expired" once; past this the cookie counts as none. */
const EXPIRED_IS_SAID_FOR_MS = 60 * 60_000
