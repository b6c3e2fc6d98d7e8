/** What an account is at the media server, in rising order: each role may do what the ones before it may. */
export const ROLES = ['none', 'shared', 'home', 'owner'] as const
export type Role = (typeof ROLES)[number]

/** A role at a server; `none` is not one. */
export type ServerRole = Exclude<Role, 'none'>

const RANK = Object.fromEntries(ROLES.map((role, rank) => [role, rank])) as Readonly<Record<Role, number>>

export function isRole(value: unknown): value is Role {
  return ROLES.some((role) => role === value)
}

/** Whether `role` is at least `least`. */
export function hasRole(role: Role, least: Role): boolean {
  return RANK[role] >= RANK[least]
}
