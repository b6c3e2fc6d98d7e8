/** What went wrong in plain words, and what the person in front of the screen can do about it. */
export interface Words {
  readonly what: string
  readonly todo: string
}

const AGAIN = 'Start the sign-in again.'
const SIGN_IN = 'Sign in again to go on.'
const SHORTLY = 'Try again in a few minutes. Nobody was signed out.'
const OPERATOR = 'Reload this page and try again. If it stays, tell whoever runs this site.'

/** Every problem that a browser can meet on this page; also the closed list of what `?error=` may name. */
export const WORDS: Readonly<Record<string, Words>> = {
  USHER_INVALID_REQUEST: {
    what: 'The link or the form was not of the kind we expect.',
    todo: 'Start again from here.'
  },
  USHER_SESSION_REQUIRED: { what: 'You are not signed in.', todo: SIGN_IN },
  USHER_SESSION_INVALID: { what: 'This browser’s sign-in can no longer be read.', todo: SIGN_IN },
  USHER_SESSION_EXPIRED: { what: 'Your time here has run out.', todo: SIGN_IN },
  USHER_SESSION_REVOKED: { what: 'You were signed out, here or at Plex.', todo: SIGN_IN },
  USHER_SIGNIN_CANCELLED: {
    what: 'The sign-in at Plex was not finished.',
    todo: 'Nothing has changed. Start again whenever you like.'
  },
  USHER_CREDENTIALS_REJECTED: {
    what: 'Plex did not accept this name and password.',
    todo: 'Check both. Forgotten it, or do you sign in to Plex with Google, Apple or Facebook? Then use “Sign in with Plex”.'
  },
  USHER_VERIFICATION_REQUIRED: {
    what: 'This account is protected with a verification code.',
    todo: 'Enter the six digits your authenticator app shows now.'
  },
  USHER_VERIFICATION_REJECTED: {
    what: 'Plex did not accept this verification code.',
    todo: 'Codes change every 30 seconds. Wait for the next one and enter that.'
  },
  USHER_EMAIL_REQUIRED: {
    what: 'Plex wants the e-mail address of this account, not its username.',
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
    what: 'This site admits accounts with two-factor authentication only.',
    todo: 'Turn it on in your Plex account settings, then sign in again.'
  },
  USHER_HOME_PIN_REJECTED: {
    what: 'That PIN is not right.',
    todo: 'Try again with the PIN of this profile.'
  },
  USHER_CROSS_SITE: {
    what: 'The request did not seem to come from this page.',
    todo: 'Open this page anew, by its own address, and try again.'
  },
  USHER_PATH_DENIED: {
    what: 'Your account may not open that.',
    todo: 'Ask the owner of the server, or choose another profile.'
  },
  USHER_NOT_FOUND: { what: 'There is nothing at that address.', todo: 'Check the link you followed.' },
  USHER_METHOD_NOT_ALLOWED: { what: 'That cannot be done at this address.', todo: OPERATOR },
  USHER_UPSTREAM_REFUSED: { what: 'The media server turned the request down.', todo: OPERATOR },
  USHER_PIN_UNKNOWN: { what: 'This sign-in has ended, or was begun in another browser.', todo: AGAIN },
  USHER_UNSUPPORTED_MEDIA_TYPE: { what: 'The form was sent in a way we do not read.', todo: OPERATOR },
  USHER_RATE_LIMITED: {
    what: 'There were too many tries in a short time.',
    todo: 'Wait a little, then try again.'
  },
  USHER_UPSTREAM_INVALID: { what: 'Plex gave an answer that makes no sense to us.', todo: SHORTLY },
  USHER_UPSTREAM_UNREACHABLE: { what: 'Plex cannot be reached at the moment.', todo: SHORTLY },
  USHER_UPSTREAM_TIMEOUT: { what: 'Plex took too long to answer.', todo: SHORTLY },
  USHER_PLEX_LIMITED: {
    what: 'Plex takes no more sign-ins from here for now.',
    todo: 'Wait a while, then try again. Trying sooner makes the wait longer.'
  },
  USHER_INTERNAL: { what: 'Something went wrong on our side.', todo: OPERATOR }
}

/** Back from Plex with a finished sign-in, and yet without a session. */
export const NOT_KEPT: Words = {
  what: 'The sign-in worked, but this browser did not keep it.',
  todo: 'Allow cookies for this site, then try again.'
}

/** Where the request never reached us: no network, or the site is down. */
export const OFFLINE: Words = {
  what: 'This site cannot be reached.',
  todo: 'Check your connection, then try again.'
}

/** The words for a code; an unknown code is our own fault and said as such. */
export function wordsFor(code: string): Words {
  return findWords(code) ?? { what: 'Something went wrong on our side.', todo: OPERATOR }
}

/** The words for a code of the closed list, undefined for anything else (SECURITY rule 61: no reflection). */
export function findWords(code: unknown): Words | undefined {
  return typeof code === 'string' && Object.hasOwn(WORDS, code) ? WORDS[code] : undefined
}

const ROLE_WORDS = {
  owner: 'Owner of the server',
  home: 'Member of the Plex Home',
  shared: 'Guest of the server',
  none: 'No server yet'
} as const

/** What a role is called in front of people. */
export function roleWords(role: keyof typeof ROLE_WORDS): string {
  return ROLE_WORDS[role]
}

/** What stands for a person without a picture. */
export function initialOf(title: string): string {
  return [...title.trim()][0]?.toUpperCase() ?? '·'
}
