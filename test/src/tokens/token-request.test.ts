import t from 'tap'
import { OAuthError } from '../../../src/tokens/oauth-error.ts'
import {
  GRANT_TYPE,
  readForm,
  readTokenRequest,
  TOKEN_TYPES,
  type TokenRequestMembers
} from '../../../src/tokens/token-request.ts'

const read = (members: TokenRequestMembers = {}) => readTokenRequest({ grant_type: GRANT_TYPE, ...members })

/** How a request is refused: the code, and what the client's author reads. */
function refusal(members: TokenRequestMembers): string {
  return refusalOf(() => readTokenRequest(members))
}

function refusalOf(attempt: () => unknown): string {
  try {
    attempt()
  } catch (error) {
    return error instanceof OAuthError ? `${error.error}: ${error.detail}` : String(error)
  }
  return 'none'
}

t.test('a request without a subject asks for a transient token of the owner', async (t) => {
  t.strictSame(read(), {
    subject: null,
    type: 'transient',
    scope: undefined,
    audiences: [],
    resources: [],
    expiresIn: undefined
  })
})

t.test('the names of types and of the grant are those of the documents', async (t) => {
  t.equal(GRANT_TYPE, 'urn:ietf:params:oauth:grant-type:token-exchange')
  t.strictSame(TOKEN_TYPES, {
    session: 'urn:usher:params:oauth:token-type:session',
    assertion: 'urn:usher:params:oauth:token-type:assertion',
    transient: 'urn:plex:params:oauth:token-type:transient',
    access_token: 'urn:ietf:params:oauth:token-type:access_token'
  })
})

t.test('every member is read, and an empty one counts as none', async (t) => {
  t.strictSame(
    read({
      subject_token: 'sealed',
      subject_token_type: TOKEN_TYPES.session,
      requested_token_type: TOKEN_TYPES.access_token,
      scope: 'pms:read pms:stream',
      audience: ['one', '', 'two'],
      resource: '/library',
      expires_in: '60'
    }),
    {
      subject: { type: 'session', token: 'sealed' },
      type: 'access_token',
      scope: 'pms:read pms:stream',
      audiences: ['one', 'two'],
      resources: ['/library'],
      expiresIn: 60
    }
  )
  t.strictSame(
    read({
      subject_token: 'stated',
      subject_token_type: TOKEN_TYPES.assertion,
      requested_token_type: '',
      scope: '',
      audience: '',
      resource: [],
      expires_in: ''
    }),
    {
      subject: { type: 'assertion', token: 'stated' },
      type: 'transient',
      scope: undefined,
      audiences: [],
      resources: [],
      expiresIn: undefined
    }
  )
  t.equal(read({ requested_token_type: TOKEN_TYPES.transient }).type, 'transient')
})

t.test('a lifetime is a whole number of seconds, as text or as a number', async (t) => {
  for (const [given, seconds] of [
    [1, 1],
    ['1', 1],
    ['007', 7],
    ['999999999', 999_999_999]
  ] as const)
    t.equal(read({ expires_in: given }).expiresIn, seconds)
  for (const given of [0, '0', -1, 1.5, '1e3', ' 1', '1 ', '1x', 'x1', '1234567890', '٣', Number.NaN])
    t.equal(
      refusal({ grant_type: GRANT_TYPE, expires_in: given }),
      'invalid_request: expires_in must be a whole number of seconds.',
      String(given)
    )
})

t.test('each refusal has its code, and says what is wrong', async (t) => {
  const grant = { grant_type: GRANT_TYPE }
  const together = 'invalid_request: subject_token and subject_token_type must be sent together.'
  for (const [members, expected] of [
    [{}, 'invalid_request: The parameter grant_type is missing.'],
    [{ grant_type: '' }, 'invalid_request: The parameter grant_type is missing.'],
    [
      { grant_type: 'client_credentials' },
      'unsupported_grant_type: The only supported grant type is token exchange (RFC 8693).'
    ],
    [{ ...grant, actor_token: 'x' }, 'invalid_request: An actor token is not supported.'],
    [{ ...grant, actor_token: '' }, 'invalid_request: An actor token is not supported.'],
    [{ ...grant, subject_token: 'x' }, together],
    [{ ...grant, subject_token_type: TOKEN_TYPES.session }, together],
    [{ ...grant, subject_token: '', subject_token_type: TOKEN_TYPES.session }, together],
    [{ ...grant, subject_token: 'x', subject_token_type: '' }, together],
    [
      { ...grant, subject_token: 'x', subject_token_type: TOKEN_TYPES.transient },
      'invalid_request: This subject_token_type is not supported.'
    ],
    [
      { ...grant, requested_token_type: TOKEN_TYPES.session },
      'invalid_request: This requested_token_type is not supported.'
    ]
  ] as const)
    t.equal(refusal(members), expected, JSON.stringify(members))
})

t.test('a form has each parameter once, but for those that RFC 8693 lets repeat', async (t) => {
  t.strictSame(readForm('a=1&b=%20&resource=x&audience=y'), { a: '1', b: ' ', resource: 'x', audience: 'y' })
  t.strictSame(readForm('resource=1&resource=2&resource=3&audience=4&audience=5'), {
    resource: ['1', '2', '3'],
    audience: ['4', '5']
  })
  t.strictSame(readForm(''), {})
  for (const form of ['a=1&a=1', 'scope=a&scope=b', 'subject_token=a&x=1&subject_token='])
    t.equal(
      refusalOf(() => readForm(form)),
      'invalid_request: A parameter is repeated.',
      form
    )
  const { __proto__: own, ...rest } = readForm('__proto__=x&a=1')
  t.strictSame([own, rest], ['x', { a: '1' }], 'a name is data')
})
