import { Invalid } from './setting.ts'

/** An entry of USHER_ALLOWED_ACCOUNTS: an account's numeric id, or its e-mail address or username in lower case. */
export type AllowedAccount =
  | { readonly id: number }
  | { readonly email: string }
  | { readonly username: string }

export function parseAccount(text: string): AllowedAccount {
  if (/[\p{C}\s"']/u.test(text) || text.length > 254)
    throw new Invalid('must be a numeric account id, a username or an e-mail address')
  if (/^\d+$/.test(text)) {
    const id = Number(text)
    if (!Number.isSafeInteger(id) || id === 0 || text.startsWith('0'))
      throw new Invalid('must be a numeric account id as plex.tv gives it')
    return { id }
  }
  const name = text.toLowerCase()
  if (!name.includes('@')) return { username: name }
  if (!/^[^@]+@[^@]+$/.test(name)) throw new Invalid('must be an e-mail address with one @')
  return { email: name }
}
