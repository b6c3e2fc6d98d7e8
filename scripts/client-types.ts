// npm run client-types [-- --check]
// Writes client/src/api.ts from docs/reference/openapi.public.json, so that the client's types are the routes' own.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { argv, exit, stderr } from 'node:process'
import { compile, type JSONSchema } from 'json-schema-to-typescript'

const ROOT = join(import.meta.dirname, '..')
const TARGET = join(ROOT, 'client/src/api.ts')

const document = JSON.parse(readFileSync(join(ROOT, 'docs/reference/openapi.public.json'), 'utf8')) as {
  components: { schemas: Record<string, JSONSchema> }
}
const { schemas } = document.components
const text = JSON.stringify({ definitions: schemas }).replaceAll('#/components/schemas/', '#/definitions/')
const types = await compile(JSON.parse(text) as JSONSchema, 'Api', {
  additionalProperties: false,
  bannerComment: '',
  format: true,
  style: { semi: false, singleQuote: true, printWidth: 110, trailingComma: 'none' },
  unreachableDefinitions: true,
  unknownAny: true
})
const body = types
  // The document itself is no type of the interface.
  .replace(/export interface Api \{[^}]*\}\n/, '')
  .replace(/^\/\*\*\n \* This interface was referenced by[\s\S]*?\*\/\n/gm, '')
  .trim()
const result = `// Made by npm run client-types from docs/reference/openapi.public.json.\n${body}\n\nexport type ProblemCode = Problem['code']\n`

if (!argv.includes('--check')) writeFileSync(TARGET, result)
else if (readFileSync(TARGET, 'utf8') !== result) {
  stderr.write('client/src/api.ts is not what the document says; run npm run client-types\n')
  exit(1)
}
