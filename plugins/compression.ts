import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import {
  type Coding,
  forbidsTransform,
  isCompressible,
  LEAST_BYTES,
  preferredCoding
} from '../src/compress/coding.ts'
import { compressLater, compressWhole } from '../src/compress/compress.ts'
import type { CrossSiteCheck } from '../src/domain/cross-site.ts'
import { addVary } from '../src/domain/vary.ts'

export interface CompressionOptions {
  readonly crossSite: Pick<CrossSiteCheck, 'siteOf'>
}

/** Bytes of a body that is compressed at once; a longer one would keep everybody waiting. */
const AT_ONCE_BYTES = 32 * 1024

/** Compresses the texts that Usher itself answers with; forwarded bodies are compressed as they pass. */
export default fp<CompressionOptions>(
  async (fastify, { crossSite }) => {
    /** Files that never change, compressed once. */
    const kept = new WeakMap<Buffer, Map<Coding, Buffer>>()

    function compressFile(coding: Coding, body: Buffer): Buffer {
      let codings = kept.get(body)
      if (codings === undefined) {
        codings = new Map()
        kept.set(body, codings)
      }
      let packed = codings.get(coding)
      if (packed === undefined) {
        packed = compressWhole(coding, body, 'kept')
        codings.set(coding, packed)
      }
      return packed
    }

    // preSerialization would come too early: the length of an object is not known there.
    fastify.addHook('onSend', (request, reply, payload, done) => {
      if (!isText(payload) || !isLong(payload) || !isOpenToCoding(reply)) return done(null, payload)
      reply.header('vary', addVary(reply.getHeader('vary'), 'Accept-Encoding'))
      const accept = request.raw.headers['accept-encoding']
      if (typeof accept !== 'string' || request.method === 'HEAD' || mayBeWatched(request, reply))
        return done(null, payload)
      const coding = preferredCoding(accept)
      if (coding === null) return done(null, payload)
      reply.header('content-encoding', coding)
      reply.removeHeader('content-length')
      const body = typeof payload === 'string' ? Buffer.from(payload) : payload
      // The same bytes for everybody, in one buffer.
      if (body === payload && /^public\b/.test(cacheControlOf(reply)))
        return done(null, compressFile(coding, body))
      if (body.length > AT_ONCE_BYTES) return compressLater(coding, body, done)
      done(null, compressWhole(coding, body, 'small'))
    })

    /**
     * Whether another site may have caused the request and can see how long the response is: a guess that it puts
     * into the address would tell it what the page says beside that. A browser without Fetch Metadata does not say
     * where a navigation comes from.
     */
    function mayBeWatched({ raw: { headers } }: FastifyRequest, reply: FastifyReply): boolean {
      if (crossSite.siteOf(headers) === 'other') return true
      return headers['sec-fetch-site'] === undefined && typeOf(reply).startsWith('text/html')
    }
  },
  { name: 'compression' }
)

function isText(payload: unknown): payload is string | Buffer {
  return typeof payload === 'string' || Buffer.isBuffer(payload)
}

function isLong({ length }: string | Buffer): boolean {
  return length >= LEAST_BYTES
}

function typeOf(reply: FastifyReply): string {
  return String(reply.getHeader('content-type') ?? '')
}

function cacheControlOf(reply: FastifyReply): string {
  return String(reply.getHeader('cache-control') ?? '')
}

function isOpenToCoding(reply: FastifyReply): boolean {
  if (reply.statusCode === 206 || reply.hasHeader('content-encoding')) return false
  return isCompressible(typeOf(reply)) && !forbidsTransform(cacheControlOf(reply))
}
