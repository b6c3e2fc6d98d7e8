import { MANAGED, NO_SIGN_OUT, type Preset, SCOPES } from './preset.ts'

/** Apps for pictures, films, books and news. */
export const MEDIA: Readonly<Record<string, Preset>> = {
  immich: {
    name: 'Immich',
    redirects: ['/auth/login', '/user-settings', '/api/oauth/mobile-redirect'],
    backchannel: '/api/oauth/backchannel-logout',
    groups: false,
    settings: [
      ['Administration → Settings → OAuth → Issuer URL', '{issuer}'],
      ['Client ID', '{id}'],
      ['Client secret', '{secret}'],
      ['Scope', 'openid profile email'],
      ['Signing algorithm', 'RS256'],
      ['Mobile redirect URI override', '{url}/api/oauth/mobile-redirect']
    ],
    notes: [
      MANAGED,
      'Immich links accounts by e-mail address. Usher sends only confirmed addresses.',
      'Immich supports back-channel logout since 2026; older versions do not answer the request.'
    ]
  },
  jellyfin: {
    name: 'Jellyfin with the SSO plugin',
    redirects: ['/sso/OID/redirect/usher'],
    groups: true,
    settings: [
      ['Dashboard → Plugins → SSO-Auth → Name of OID provider', 'usher'],
      ['OID endpoint', '{issuer}'],
      ['OpenID client ID', '{id}'],
      ['OID secret', '{secret}'],
      ['Role claim', 'groups'],
      ['Admin roles', 'owner'],
      ['Request additional scopes', 'groups'],
      ['Scheme override, behind TLS', 'https']
    ],
    notes: [NO_SIGN_OUT, 'People start at {url}/sso/OID/start/usher.']
  },
  seerr: {
    name: 'Seerr and Jellyseerr',
    redirects: ['/login?provider=usher&callback=true'],
    withoutPkce: true,
    groups: true,
    settings: [
      ['Settings → Users → OpenID Connect → Provider slug', 'usher'],
      ['Issuer URL', '{issuer}'],
      ['Client ID', '{id}'],
      ['Client secret', '{secret}'],
      ['Scopes', SCOPES]
    ],
    notes: [NO_SIGN_OUT, 'The query is part of the redirect URI, and is compared exactly.']
  },
  audiobookshelf: {
    name: 'Audiobookshelf',
    redirects: ['/auth/openid/callback', '/auth/openid/mobile-redirect'],
    afterLogout: ['/login'],
    groups: true,
    settings: [
      ['Settings → Authentication → OpenID Connect → Issuer URL, then Auto-populate', '{issuer}'],
      ['Client ID', '{id}'],
      ['Client secret', '{secret}'],
      ['Signing algorithm', 'RS256'],
      ['Group claim', 'groups'],
      ['Match existing users by', 'username']
    ],
    notes: [
      NO_SIGN_OUT,
      'It expects groups called admin, user and guest: use these names in USHER_GROUPS.',
      'For phones without the https callback, add a second entry with the redirect URI audiobookshelf://oauth.'
    ]
  },
  komga: {
    name: 'Komga',
    redirects: ['/login/oauth2/code/usher'],
    withoutPkce: true,
    groups: false,
    settings: [
      ['spring.security.oauth2.client.registration.usher.client-id', '{id}'],
      ['…registration.usher.client-secret', '{secret}'],
      ['…registration.usher.scope', 'openid,email'],
      ['spring.security.oauth2.client.provider.usher.issuer-uri', '{issuer}']
    ],
    notes: [NO_SIGN_OUT, MANAGED]
  },
  booklore: {
    name: 'BookLore',
    redirects: ['/api/oidc'],
    isPublic: true,
    refresh: true,
    groups: false,
    settings: [
      ['Settings → Authentication → Issuer URI', '{issuer}'],
      ['Client ID', '{id}']
    ],
    notes: [NO_SIGN_OUT]
  },
  romm: {
    name: 'RomM',
    redirects: ['/api/oauth/openid'],
    withoutPkce: true,
    groups: false,
    settings: [
      ['OIDC_ENABLED', 'true'],
      ['OIDC_PROVIDER', 'usher'],
      ['OIDC_CLIENT_ID', '{id}'],
      ['OIDC_CLIENT_SECRET', '{secret}'],
      ['OIDC_REDIRECT_URI', '{url}/api/oauth/openid'],
      ['OIDC_SERVER_APPLICATION_URL', '{issuer}']
    ],
    notes: [NO_SIGN_OUT, MANAGED]
  },
  freshrss: {
    name: 'FreshRSS',
    redirects: [':443/i/oidc/'],
    backchannel: ':443/i/oidc/?logout=backchannel',
    withoutPkce: true,
    groups: true,
    settings: [
      ['OIDC_ENABLED', '1'],
      ['OIDC_PROVIDER_METADATA_URL', '{issuer}/.well-known/openid-configuration'],
      ['OIDC_CLIENT_ID', '{id}'],
      ['OIDC_CLIENT_SECRET', '{secret}'],
      ['OIDC_REMOTE_USER_CLAIM', 'preferred_username'],
      ['OIDC_SCOPES', SCOPES]
    ],
    notes: ['The port is part of the redirect URI, and is compared exactly.']
  },
  karakeep: {
    name: 'Karakeep',
    redirects: ['/api/auth/callback/custom'],
    withoutPkce: true,
    groups: false,
    settings: [
      ['OAUTH_WELLKNOWN_URL', '{issuer}/.well-known/openid-configuration'],
      ['OAUTH_CLIENT_ID', '{id}'],
      ['OAUTH_CLIENT_SECRET', '{secret}'],
      ['OAUTH_PROVIDER_NAME', 'Plex']
    ],
    notes: [NO_SIGN_OUT, MANAGED]
  },
  linkwarden: {
    name: 'Linkwarden',
    redirects: ['/api/v1/auth/callback/authelia'],
    withoutPkce: true,
    groups: true,
    settings: [
      ['NEXT_PUBLIC_AUTHELIA_ENABLED', 'true'],
      ['AUTHELIA_WELLKNOWN_URL', '{issuer}/.well-known/openid-configuration'],
      ['AUTHELIA_CLIENT_ID', '{id}'],
      ['AUTHELIA_CLIENT_SECRET', '{secret}']
    ],
    notes: [
      NO_SIGN_OUT,
      'It has no generic provider: the one for Authelia works with any that has discovery.'
    ]
  },
  miniflux: {
    name: 'Miniflux',
    redirects: ['/oauth2/oidc/callback'],
    withoutPkce: true,
    groups: false,
    settings: [
      ['OAUTH2_PROVIDER', 'oidc'],
      ['OAUTH2_OIDC_DISCOVERY_ENDPOINT', '{issuer}'],
      ['OAUTH2_CLIENT_ID', '{id}'],
      ['OAUTH2_CLIENT_SECRET', '{secret}'],
      ['OAUTH2_REDIRECT_URL', '{url}/oauth2/oidc/callback']
    ],
    notes: [NO_SIGN_OUT]
  }
}
