import type { Account } from '../../../../src/plex/account.ts'
import type { Resource } from '../../../../src/plex/resources.ts'
import type { AdmissionRules } from '../../../../src/session/check/admission.ts'
import type { CallBudget } from '../../../../src/session/check/call-budget.ts'

export const MACHINE = 'c997cf82c4158cb986ccc0e8f829a6f5d5086a63'

export const ACCOUNT: Account = {
  id: 13_692_262,
  uuid: '212acf24b07315e5',
  username: 'simuser',
  title: 'Sim User',
  email: 'sim@example.com',
  confirmed: true,
  thumb: '',
  restricted: false,
  home: true,
  homeAdmin: true,
  twoFactorEnabled: false
}

export function server(changes: Partial<Resource> = {}): Resource {
  return {
    name: 'Box',
    machineIdentifier: MACHINE,
    product: 'Plex Media Server',
    provides: ['server'],
    owned: true,
    home: false,
    presence: true,
    accessToken: 'server-token',
    sourceTitle: null,
    httpsRequired: false,
    connections: [],
    ...changes
  }
}

/** For tests of what is asked, whatever the pace. */
export const BOUNDLESS: CallBudget = { isFree: () => true, waitMs: () => 0, spend: () => undefined }

/** Everybody with access to the server may come in. */
export const RULES: AdmissionRules = { access: 'server', allowedAccounts: [], requireTwoFactor: 'none' }
