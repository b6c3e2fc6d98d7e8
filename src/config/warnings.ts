import type { Values } from './settings.ts'

/** Settings that are allowed but probably a mistake. A warning names the setting, never a value. */
export function doubts(values: Values): readonly string[] {
  const warnings: string[] = []
  if (values.USHER_ALLOWED_ACCOUNTS.some((account) => !('id' in account)))
    warnings.push(
      'USHER_ALLOWED_ACCOUNTS has usernames or e-mail addresses, which can pass to another person: numeric account ids cannot'
    )
  return warnings
}
