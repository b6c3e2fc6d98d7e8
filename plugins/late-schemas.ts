import { AjvCompiler } from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifyInstance } from 'fastify'

/** Refuse, do not tidy: what was validated is what is used (SECURITY rule 32). */
const STRICT = { removeAdditional: false, coerceTypes: false, useDefaults: false } as const

/**
 * Has schemas compiled by Fastify's own compilers, but each when a route first needs it: all of them together take
 * longer than the rest of a start. That each of them does compile is for a test to find.
 */
export function compileSchemasLate(fastify: FastifyInstance): void {
  const validators = once(() => AjvCompiler()({}, { customOptions: STRICT }))
  fastify.setValidatorCompiler<object>(({ schema }) => {
    const validator = once(() => validators()({ schema }))
    return function validate(data: unknown) {
      // None of them is of the asynchronous kind.
      const valid = validator()(data) as boolean
      // Where Fastify looks for them.
      Object.assign(validate, { errors: validator().errors })
      return valid
    }
  })
  const serializers = once(() => SerializerSelector()())
  fastify.setSerializerCompiler<object>(({ schema, method, url, httpStatus = '' }) => {
    const serializer = once(() => serializers()({ schema, method, url, httpStatus }))
    return (data) => serializer()(data)
  })
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
