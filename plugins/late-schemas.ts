import { AjvCompiler } from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifyInstance } from 'fastify'

/** Refuses instead of repairing: the validated value is the used value (SECURITY rule 32). */
const STRICT = { removeAdditional: false, coerceTypes: false, useDefaults: false } as const

/**
 * Compiles each schema with Fastify's own compilers when a route first needs it: all of them together take as long as
 * the rest of a start (decision 0012). A test compiles every one.
 */
export function compileSchemasLate(fastify: FastifyInstance): void {
  const validators = once(() => AjvCompiler()({}, { customOptions: STRICT }))
  fastify.setValidatorCompiler<object>(({ schema }) => {
    const validator = once(() => validators()({ schema }))
    return function validate(data: unknown) {
      // No schema of Usher's is asynchronous.
      const valid = validator()(data) as boolean
      // Fastify reads the errors from the function.
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
