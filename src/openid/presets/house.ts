import { NO_SIGN_OUT, SCOPES, type Preset } from './preset.ts'

/** Apps that run a house and its machines. */
export const HOUSE: Readonly<Record<string, Preset>> = {
  grafana: {
    name: 'Grafana',
    redirects: ['/login/generic_oauth'],
    afterLogout: ['/login'],
    groups: true,
    settings: [
      ['[auth.generic_oauth] enabled', 'true'],
      ['name', 'Plex'],
      ['client_id', 'ID'],
      ['client_secret', 'SECRET'],
      ['scopes', SCOPES],
      ['auth_url', 'ISSUER/oidc/auth'],
      ['token_url', 'ISSUER/oidc/token'],
      ['api_url', 'ISSUER/oidc/userinfo'],
      ['use_pkce', 'true'],
      ['login_attribute_path', 'preferred_username'],
      ['role_attribute_path', "contains(groups[*], 'owner') && 'Admin' || 'Viewer'"],
      ['signout_redirect_url', 'ISSUER/oidc/logout?post_logout_redirect_uri=URL/login']
    ],
    notes: [
      NO_SIGN_OUT,
      'token_url and api_url may be an internal address, http://usher:8080/oidc/token for one.'
    ]
  },
  homarr: {
    name: 'Homarr',
    redirects: ['/api/auth/callback/oidc'],
    withoutPkce: true,
    groups: true,
    settings: [
      ['AUTH_PROVIDERS', 'oidc'],
      ['AUTH_OIDC_ISSUER', 'ISSUER'],
      ['AUTH_OIDC_CLIENT_ID', 'ID'],
      ['AUTH_OIDC_CLIENT_SECRET', 'SECRET'],
      ['AUTH_OIDC_CLIENT_NAME', 'Plex'],
      ['AUTH_OIDC_SCOPE_OVERWRITE', SCOPES],
      ['AUTH_OIDC_GROUPS_ATTRIBUTE', 'groups'],
      ['AUTH_LOGOUT_REDIRECT_URL', 'ISSUER/oidc/logout']
    ],
    notes: [NO_SIGN_OUT]
  },
  portainer: {
    name: 'Portainer',
    redirects: [''],
    withoutPkce: true,
    groups: true,
    settings: [
      ['Settings → Authentication → OAuth → Custom → Client ID', 'ID'],
      ['Client secret', 'SECRET'],
      ['Authorization URL', 'ISSUER/oidc/auth'],
      ['Access token URL', 'ISSUER/oidc/token'],
      ['Resource URL', 'ISSUER/oidc/userinfo'],
      ['Redirect URL', 'URL'],
      ['Logout URL', 'ISSUER/oidc/logout'],
      ['User identifier', 'preferred_username'],
      ['Scopes', SCOPES]
    ],
    notes: [NO_SIGN_OUT]
  },
  'home-assistant': {
    name: 'Home Assistant with hass-oidc-auth',
    redirects: ['/auth/oidc/callback'],
    groups: true,
    settings: [
      ['auth_oidc: client_id', 'ID'],
      ['client_secret', 'SECRET'],
      ['discovery_url', 'ISSUER/.well-known/openid-configuration'],
      ['roles: admin', 'owner']
    ],
    notes: [NO_SIGN_OUT]
  },
  proxmox: {
    name: 'Proxmox VE',
    redirects: [''],
    groups: true,
    settings: [
      ['Datacenter → Realms → OpenID Connect → Issuer URL', 'ISSUER'],
      ['Client ID', 'ID'],
      ['Client key', 'SECRET'],
      ['Username claim', 'preferred_username'],
      ['Scopes', SCOPES]
    ],
    notes: [NO_SIGN_OUT, 'The username claim cannot be changed once somebody has signed in.']
  },
  synapse: {
    name: 'Synapse (Matrix)',
    redirects: ['/_synapse/client/oidc/callback'],
    backchannel: '/_synapse/client/oidc/backchannel_logout',
    withoutPkce: true,
    groups: false,
    settings: [
      ['oidc_providers: issuer', 'ISSUER'],
      ['client_id', 'ID'],
      ['client_secret', 'SECRET'],
      ['scopes', '["openid", "profile", "email"]'],
      ['backchannel_logout_enabled', 'true']
    ]
  }
}
