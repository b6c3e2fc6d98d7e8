// node scripts/policy-table.ts
// Writes docs/reference/policy.md from the table that decides which paths of the media server are open.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { POLICY_TABLE, type Rule } from '../src/forward/policy-table.ts'

const TARGET = fileURLToPath(new URL('../docs/reference/policy.md', import.meta.url))

const INTRODUCTION = `# Open paths

Every path of the media server that Usher forwards, below \`/pms\`; all others are 403 \`USHER_PATH_DENIED\`. Written by
\`node scripts/policy-table.ts\` from [\`src/forward/policy-table.ts\`](../../src/forward/policy-table.ts), whose comments
say which client needs a path. What no role may ever use is in [facts about Plex](plex.md#never-forwarded).

In a path, \`{ids}\` stands for digits and commas, \`{any}\` for one segment, \`{rest}\` for one to five, and \`a|b\` for one of
these. \`HEAD\` follows \`GET\`. A path is open to everybody with access to the server unless a note says otherwise.

- **changes something**: also \`GET\` needs proof that it comes from your page ([cross-site requests](http.md#cross-site-requests)).
- **media**: \`Range\` applies, and scoped tokens need \`pms:stream\`.
- **own paths**: \`url\` and \`path\` must be paths of this server that the caller may request.
- **own items**: \`uri\` must name items of this server.
- **pictures**: \`url\` must be a picture of this server, or of a source that it uses itself.
- **owner, with \`USHER_OWNER_ADMIN\`**: closed otherwise.
`

const PARAMETERS = { 'local-url': 'own paths', 'own-uri': 'own items', picture: 'pictures' } as const

/** The page, with a row for each rule in the table's order. */
export function toPolicyPage(table: readonly Rule[]): string {
  const rows = table.map((rule) => {
    const path = code(rule.pattern.replaceAll('|', '\\|'))
    return `| ${rule.methods.join(', ')} | ${path} | ${notesOf(rule).join('; ')} |`
  })
  return `${INTRODUCTION}\n| methods | path | notes |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

function notesOf({ class: kind, least, admin, unsafe, parameters }: Rule): string[] {
  const notes: string[] = []
  if (admin === true) notes.push(`owner, with ${code('USHER_OWNER_ADMIN')}`)
  else if (least !== 'shared') notes.push(least)
  if (kind === 'media') notes.push('media')
  if (kind === 'event') notes.push('event stream')
  if (kind === 'upgrade') notes.push('WebSocket')
  if (unsafe === true) notes.push('changes something')
  if (typeof parameters === 'string') notes.push(PARAMETERS[parameters])
  else if (parameters !== undefined) notes.push(`only ${parameters.map(code).join(', ')}`)
  return notes
}

const code = (text: string): string => `\`${text}\``

if (import.meta.main) writeFileSync(TARGET, toPolicyPage(POLICY_TABLE))
