/** What went wrong, and what the person in front of the screen can do about it. */
export interface Words {
  readonly what: string
  readonly todo: string
}

const AGAIN = 'Start the sign-in again.'
const SIGN_IN = 'Sign in again to continue.'
// The code does not say which of the two it was; the log does.
const SHORTLY = 'Try again in a few minutes. You have not been signed out.'
const OPERATOR =
  'Reload this page and try again. If that does not help, contact the person who runs this site.'

/** Every problem that this page can show; also the closed list of values of `?error=`. */
export const WORDS: Readonly<Record<string, Words>> = {
  USHER_INVALID_REQUEST: {
    what: 'This link or form could not be understood.',
    todo: 'Start again here.'
  },
  USHER_SESSION_REQUIRED: { what: 'You are not signed in.', todo: SIGN_IN },
  USHER_SESSION_INVALID: { what: 'Your sign-in in this browser is no longer valid.', todo: SIGN_IN },
  USHER_SESSION_EXPIRED: { what: 'Your session has expired.', todo: SIGN_IN },
  USHER_SESSION_REVOKED: { what: 'You were signed out, here or at Plex.', todo: SIGN_IN },
  USHER_SIGNIN_CANCELLED: {
    what: 'You did not finish signing in at Plex.',
    todo: 'Nothing has changed. You can start again at any time.'
  },
  USHER_CREDENTIALS_REJECTED: {
    what: 'Plex did not accept this name and password.',
    todo: 'Check both and try again. If you forgot the password, or sign in to Plex with Google, Apple or Facebook, use “Sign in with Plex”.'
  },
  USHER_VERIFICATION_REQUIRED: {
    what: 'This account needs a verification code.',
    todo: 'Enter the six digits that your authenticator app shows.'
  },
  USHER_VERIFICATION_REJECTED: {
    what: 'Plex did not accept this verification code.',
    todo: 'Codes change every 30 seconds. Wait for the next one and enter it.'
  },
  USHER_EMAIL_REQUIRED: {
    what: 'This account signs in with its e-mail address, not with its username.',
    todo: 'Enter the e-mail address and try again.'
  },
  USHER_SERVER_ACCESS_DENIED: {
    what: 'Your Plex account has no access to this server.',
    todo: 'Ask its owner to share it with you, or sign in with another account.'
  },
  USHER_ACCOUNT_BLOCKED: {
    what: 'This Plex account may not sign in here.',
    todo: 'Sign in with another account, or ask whoever runs this site.'
  },
  USHER_TWO_FACTOR_REQUIRED: {
    what: 'This site requires two-factor authentication on your Plex account.',
    todo: 'Turn it on in your Plex account settings, then sign in again.'
  },
  USHER_HOME_PIN_REJECTED: {
    what: 'That PIN is not correct.',
    todo: 'Enter the PIN of this profile.'
  },
  USHER_CROSS_SITE: {
    what: 'For your safety, this request was blocked: it seems to come from another site.',
    todo: 'Open this page by its own address and try again.'
  },
  USHER_PATH_DENIED: {
    what: 'Your account is not allowed to do that.',
    todo: 'Ask the owner of the server, or choose another profile.'
  },
  USHER_NOT_FOUND: { what: 'This page does not exist.', todo: 'Check the link you followed.' },
  USHER_METHOD_NOT_ALLOWED: { what: 'That is not possible here.', todo: OPERATOR },
  USHER_UPSTREAM_REFUSED: { what: 'The media server refused the request.', todo: OPERATOR },
  USHER_PIN_UNKNOWN: { what: 'This sign-in has expired, or was started in another browser.', todo: AGAIN },
  USHER_UNSUPPORTED_MEDIA_TYPE: { what: 'The form was sent in an unexpected format.', todo: OPERATOR },
  USHER_RATE_LIMITED: {
    what: 'Too many attempts.',
    todo: 'Wait a moment, then try again.'
  },
  USHER_BUSY: { what: 'You have too many things open at once.', todo: 'Close some of them, then try again.' },
  USHER_UPSTREAM_INVALID: { what: 'Plex or the media server sent an unexpected answer.', todo: SHORTLY },
  USHER_UPSTREAM_UNREACHABLE: {
    what: 'Plex or the media server cannot be reached at the moment.',
    todo: SHORTLY
  },
  USHER_UPSTREAM_TIMEOUT: { what: 'Plex or the media server took too long to answer.', todo: SHORTLY },
  USHER_PLEX_LIMITED: {
    what: 'Plex is not accepting sign-ins from this site right now.',
    todo: 'Wait a while, then try again. Trying sooner makes the wait longer.'
  },
  USHER_INTERNAL: { what: 'Something went wrong on our side.', todo: OPERATOR }
}

/** Back from Plex after signing in, but without a session. */
export const NOT_KEPT: Words = {
  what: 'You signed in, but this browser did not save the session.',
  todo: 'Allow cookies for this site, then try again.'
}

/** The request did not reach Usher: no network, or the site is down. */
export const OFFLINE: Words = {
  what: 'This site cannot be reached.',
  todo: 'Check your connection, then try again.'
}

/** The text for a code; an unknown code counts as a defect of Usher. */
export function wordsFor(code: string): Words {
  return findWords(code) ?? { what: 'Something went wrong on our side.', todo: OPERATOR }
}

/** The text for a code from the closed list, undefined for anything else (SECURITY rule 61: no reflection). */
export function findWords(code: unknown): Words | undefined {
  return typeof code === 'string' && Object.hasOwn(WORDS, code) ? WORDS[code] : undefined
}

const ROLE_WORDS = {
  owner: 'Server owner',
  home: 'Plex Home member',
  shared: 'Shared with you',
  none: 'No server chosen'
} as const

/** A role in words for people. */
export function roleWords(role: keyof typeof ROLE_WORDS): string {
  return ROLE_WORDS[role]
}

/** Replaces a missing picture. */
export function initialOf(title: string): string {
  return [...title.trim()][0]?.toUpperCase() ?? '·'
}
