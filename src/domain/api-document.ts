interface Json {
  readonly [name: string]: unknown
}

/** The parts of an OpenAPI document that are worked on. */
interface Document {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components?: { readonly securitySchemes?: Json }
}

interface Operation extends Json {
  readonly parameters?: readonly Json[]
  readonly responses?: Readonly<Record<string, Response>>
  readonly security?: readonly Json[]
}

interface Response extends Json {
  readonly description: string
  readonly content?: Readonly<Record<string, Json>>
}

/** Methods that a route for all methods brings along: OpenAPI 3.1 does not know them, or they are always 405. */
const OMITTED: readonly string[] = ['trace', 'query', 'options', 'patch']
/** A title that names a type, as opposed to one that only describes. */
const NAME = /^[A-Z][A-Za-z]+$/

/**
 * The document that the routes make, as tools want it: schemas with a name as their title stand in
 * `components.schemas` once, operations have ids, problems their own media type, wildcards a name that a parameter may
 * have. Throws where one name stands for two schemas.
 */
export function tidyDocument<T extends object>(document: T): T {
  const { components, paths = {}, ...rest } = document as Document
  const used = new Set<string>()
  const tidied = Object.entries(paths).map(([path, item]) => {
    const methods = Object.entries(item).filter(([method]) => !OMITTED.includes(method))
    const named = path.replace('{*}', '{path}')
    return [
      named,
      Object.fromEntries(methods.map(([method, it]) => [method, tidyOperation(method, named, it)]))
    ]
  })
  const named = nameSchemas({ ...rest, paths: Object.fromEntries(tidied) })
  for (const item of Object.values(paths))
    for (const { security = [] } of Object.values(item))
      for (const scheme of security) for (const name of Object.keys(scheme)) used.add(name)
  const schemes = Object.entries(components?.securitySchemes ?? {}).filter(([name]) => used.has(name))
  const securitySchemes = Object.fromEntries(schemes)
  return {
    ...named.value,
    components: { ...components, securitySchemes, schemas: named.schemas }
  } as unknown as T
}

function tidyOperation(method: string, path: string, operation: Operation): Operation {
  const { parameters, responses = {} } = operation
  return {
    operationId: toOperationId(method, path),
    ...operation,
    ...(parameters !== undefined && {
      parameters: parameters.map((it) => (it['name'] === '*' ? { ...it, name: 'path' } : it))
    }),
    responses: Object.fromEntries(
      Object.entries(responses).map(([status, response]) => [status, tidyResponse(status, response)])
    )
  }
}

function tidyResponse(status: string, { description, content, ...response }: Response): Response {
  const json = content?.['application/json']
  const isProblem = (json?.['schema'] as Json | undefined)?.['title'] === 'Problem'
  return {
    description: description === 'Default Response' ? (MEANINGS[status] ?? status) : description,
    ...(content !== undefined && {
      content: isProblem ? { 'application/problem+json': json as Json } : content
    }),
    ...response
  }
}

/** RFC 9110 §15, for what routes do not describe themselves. */
const MEANINGS: Readonly<Record<string, string>> = {
  200: 'OK',
  201: 'Created',
  204: 'No content',
  302: 'Found',
  400: 'Bad request',
  401: 'Not signed in, or not any more',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  415: 'Unsupported media type',
  429: 'Too many requests',
  502: 'An upstream gave an answer that cannot be understood',
  503: 'An upstream is away; nobody was signed out',
  504: 'An upstream did not answer in time'
}

/** `getSessionAccount` for `GET /session/account`: the name by which generators call an operation. */
function toOperationId(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const rest = words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('')
  return `${method}${rest === '' ? 'Root' : rest}`
}

function nameSchemas(document: Json): { readonly value: Json; readonly schemas: Json } {
  const named = new Map<string, { readonly schema: Json; readonly examples: unknown }>()

  function visit(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(visit)
    if (typeof value !== 'object' || value === null) return value
    const copy: Json = Object.fromEntries(Object.entries(value).map(([key, member]) => [key, visit(member)]))
    const { title } = copy
    if (typeof title !== 'string' || !NAME.test(title) || !isSchema(copy)) return copy
    // Of a response's own schema the examples stand beside it.
    const { examples, ...schema } = copy
    const known = named.get(title)
    if (known !== undefined && JSON.stringify(known.schema) !== JSON.stringify(schema))
      throw new TypeError(`two schemas are named ${title}`)
    named.set(title, { schema, examples: examples ?? known?.examples })
    return { $ref: `#/components/schemas/${title}` }
  }

  const value = visit(document) as Json
  const schemas = [...named]
    .sort(([left], [right]) => left.localeCompare(right))
    .map(([title, { schema, examples }]) => [
      title,
      examples === undefined ? schema : { ...schema, examples }
    ])
  return { value, schemas: Object.fromEntries(schemas) }
}

function isSchema(value: Json): boolean {
  return 'type' in value || 'anyOf' in value || 'enum' in value
}
