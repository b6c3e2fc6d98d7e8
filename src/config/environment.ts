import { readSecretFile } from './files.ts'
import { Invalid } from './setting.ts'
import { SETTINGS, type SettingName, type Values } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Parses every setting and collects what is wrong: unknown names, both forms of a secret, bad values. An empty
 * variable is an unset one, as compose files write it. The values of settings in trouble are missing.
 */
export function readEnvironment(env: Environment): { values: Partial<Values>; problems: readonly string[] } {
  const problems = unknownNames(env).map(tellUnknown)
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const file = `${name}_FILE`
    let told = name
    try {
      if (setting.secret && env[name] && env[file]) throw new Invalid(`is set twice, also as ${file}`)
      let text = env[name] || setting.initial
      if (setting.secret && env[file]) {
        told = file
        text = readSecretFile(env[file])
        told = `${name} (from ${file})`
      }
      if (text === null && setting.required) throw new Invalid('is required')
      values[name] = text === null ? null : setting.parse(text)
    } catch (error) {
      if (!(error instanceof Invalid)) throw error
      problems.push(...error.reasons.map((reason) => `${told} ${reason}`))
    }
  }
  return { values, problems }
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

function tellUnknown(name: string): string {
  // A quoting mistake can put a value into the name itself: tell what looks like a name and no more.
  const shown = /^[A-Z0-9_]{1,48}/.exec(name)?.[0] ?? ''
  if (shown !== name) return `${shown}… is not a setting`
  if (settingOf(name.replace(/_FILE$/, '')) !== null) {
    return `${name} is not a setting: only secrets can come from a file`
  }
  return `${name} is not a setting`
}
