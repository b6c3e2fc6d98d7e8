import { Type } from 'typebox'

/** RFC 6749 §5.2, with Usher's problem code as `code` (reference/http.md#token-exchange). */
export const OAuthErrorSchema = Type.Object(
  { error: Type.String(), error_description: Type.String(), code: Type.String() },
  { title: 'OAuthError' }
)
