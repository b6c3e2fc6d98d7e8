// Writes a page into docs/apps/ for each preset of --generate-oidc-client that has one, so that the two cannot differ.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Preset, toGuide } from '../src/openid/presets/preset.ts'
import { GUIDES, PRESETS } from '../src/openid/presets/presets.ts'

const FOLDER = join(import.meta.dirname, '..', 'docs/apps')
const EXAMPLE = { issuer: 'https://usher.example.com', secret: 'THE-SECRET' }

/** The page of one app. */
export function renderGuide(id: string, preset: Preset): string {
  const url = `https://${id.split('-')[0]}.example.com`
  const isPublic = preset.isPublic === true
  const secret = isPublic ? null : EXAMPLE.secret
  const hash = isPublic ? null : 'sha256:…'
  const { entry, settings, notes } = toGuide(id, preset, { url, issuer: EXAMPLE.issuer, secret, hash })
  const cell = (text: string) => text.replaceAll('|', '\\|')
  const rows = settings.map(([where, what]) => `| ${cell(where)} | \`${cell(what)}\` |`)
  const told =
    preset.backchannel === undefined
      ? 'No: the app ends its own session after its own time. What Usher gave it stops working at once, refreshing included.'
      : `Yes, at \`${preset.backchannel}\`: when the share is withdrawn, the account signs out or the session is ended, the app is told within \`USHER_RECHECK\` + 30 s. Usher must reach that address.`
  return `# ${preset.name}

Written by \`scripts/app-guides.ts\` from the preset \`${id}\`, which is from the app's documentation and has not been run here.
How it works, and what to check when it does not: [apps](README.md).

## In Usher

\`\`\`sh
node dist/src/server.js --generate-oidc-client ${id} ${url}
\`\`\`

prints ${isPublic ? 'an entry' : 'a secret and an entry'} for \`USHER_OIDC_CLIENTS\`:

\`\`\`json
${JSON.stringify(entry, null, 2)}
\`\`\`

## In ${preset.name}

| setting | value |
| --- | --- |
${rows.join('\n')}

## Signing out

${told}
${notes.map((note) => `\n- ${note}`).join('')}
`.replace(/\n+$/, '\n')
}

export function pathOf(id: string): string {
  return join(FOLDER, `${id}.md`)
}

if (import.meta.main) {
  for (const id of GUIDES) {
    const preset = PRESETS[id]
    if (preset !== undefined) writeFileSync(pathOf(id), renderGuide(id, preset))
  }
}
