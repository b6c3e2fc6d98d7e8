import { readSecretFile } from './files.ts'
import { Invalid } from './setting.ts'
import { SETTINGS, type SettingName, type Values } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Reading {
  /** Settings with a problem have no value. */
  readonly values: Partial<Values>
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/**
 * Parses every setting and collects the problems: unknown names, a secret given in both forms, bad values. An empty
 * variable counts as unset, because compose files pass unset variables as empty.
 */
export function readEnvironment(env: Environment): Reading {
  const links = Object.keys(env).filter((name) => isServiceLink(name, env[name] ?? ''))
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !links.includes(name)))
  const problems = unknownNames(own).map(describeUnknown)
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const file = `${name}_FILE`
    let label = name
    try {
      if (setting.secret && own[name] && own[file]) throw new Invalid(`is set twice, also as ${file}`)
      let text = own[name] || setting.initial
      if (setting.secret && own[file]) {
        label = file
        text = readSecretFile(unquoted(own[file]))
        label = `${name} (from ${file})`
      }
      if (text === null && setting.required) throw new Invalid('is required')
      values[name] = text === null ? null : setting.parse(unquoted(text))
    } catch (error) {
      if (!(error instanceof Invalid)) throw error
      problems.push(...error.reasons.map((reason) => `${label} ${reason}`))
    }
  }
  const warnings =
    links.length === 0
      ? []
      : [
          `ignored variables that Kubernetes makes for a Service called usher (${links.sort().join(', ')}): enableServiceLinks: false in the pod spec keeps them out`
        ]
  return { values, problems, warnings }
}

/**
 * Kubernetes gives every container variables about each Service of its namespace, and those of a Service called
 * `usher…` look like settings. Name and value must both have that form, so that no misspelt setting is ignored.
 */
function isServiceLink(name: string, value: string): boolean {
  return (
    name.startsWith('USHER_') &&
    SERVICE_LINKS.some(([names, values]) => names.test(name) && values.test(value))
  )
}

const SERVICE_LINKS: readonly (readonly [RegExp, RegExp])[] = [
  [/_SERVICE_HOST$/, /^[0-9a-f.:]+$/i],
  [/_SERVICE_PORT(?:_[A-Z0-9_]+)?$/, /^\d{1,5}$/],
  [/_PORT(?:_\d+_(?:TCP|UDP|SCTP))?$/, /^(?:tcp|udp|sctp):\/\/\S+:\d{1,5}$/],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_PROTO$/, /^(?:tcp|udp|sctp)$/],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_PORT$/, /^\d{1,5}$/],
  [/_PORT_\d+_(?:TCP|UDP|SCTP)_ADDR$/, /^[0-9a-f.:]+$/i]
]

/** `docker --env-file` keeps quotes that a shell would remove, and no setting takes a quoted value. */
function unquoted(text: string): string {
  if (text.length > 1 && /^["']/.test(text) && text.endsWith(text[0] ?? ''))
    throw new Invalid('is in quotes, which are part of the value here: remove them')
  return text
}

function unknownNames(env: Environment): readonly string[] {
  return Object.keys(env).filter((name) => name.startsWith('USHER_') && !isKnown(name))
}

function isKnown(name: string): boolean {
  const setting = settingOf(name)
  return setting !== null || (settingOf(name.replace(/_FILE$/, ''))?.secret ?? false)
}

function settingOf(name: string): (typeof SETTINGS)[SettingName] | null {
  return Object.hasOwn(SETTINGS, name) ? SETTINGS[name as SettingName] : null
}

function describeUnknown(name: string): string {
  // A quoting mistake can put a value into the name, so only what looks like a name is shown.
  const shown = /^[A-Z0-9_]{1,48}/.exec(name)?.[0] ?? ''
  if (shown !== name) return `${shown}… is not a setting`
  if (settingOf(name.replace(/_FILE$/, '')) !== null) {
    return `${name} is not a setting: only secrets can come from a file`
  }
  return `${name} is not a setting`
}
