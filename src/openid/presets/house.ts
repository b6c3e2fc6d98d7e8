import { MANAGED, NO_SIGN_OUT, type Preset, SCOPES } from './preset.ts'

/** Apps for the house and its machines. */
export const HOUSE: Readonly<Record<string, Preset>> = {
  grafana: {
    name: 'Grafana',
    redirects: ['/login/generic_oauth'],
    afterLogout: ['/login'],
    groups: true,
    settings: [
      ['[auth.generic_oauth] enabled', 'true'],
      ['name', 'Plex'],
      ['client_id', '{id}'],
      ['client_secret', '{secret}'],
      ['scopes', SCOPES],
      ['auth_url', '{issuer}/oidc/auth'],
      ['token_url', '{issuer}/oidc/token'],
      ['api_url', '{issuer}/oidc/userinfo'],
      ['use_pkce', 'true'],
      ['login_attribute_path', 'preferred_username'],
      ['role_attribute_path', "contains(groups[*], 'owner') && 'Admin' || 'Viewer'"],
      ['signout_redirect_url', '{issuer}/oidc/logout?post_logout_redirect_uri={url}/login']
    ],
    notes: [
      NO_SIGN_OUT,
      'token_url and api_url may be internal addresses, for example http://usher:8080/oidc/token.'
    ]
  },
  homarr: {
    name: 'Homarr',
    redirects: ['/api/auth/callback/oidc'],
    withoutPkce: true,
    groups: true,
    settings: [
      ['AUTH_PROVIDERS', 'oidc'],
      ['AUTH_OIDC_ISSUER', '{issuer}'],
      ['AUTH_OIDC_CLIENT_ID', '{id}'],
      ['AUTH_OIDC_CLIENT_SECRET', '{secret}'],
      ['AUTH_OIDC_CLIENT_NAME', 'Plex'],
      ['AUTH_OIDC_SCOPE_OVERWRITE', SCOPES],
      ['AUTH_OIDC_GROUPS_ATTRIBUTE', 'groups'],
      ['AUTH_LOGOUT_REDIRECT_URL', '{issuer}/oidc/logout']
    ],
    notes: [NO_SIGN_OUT]
  },
  portainer: {
    name: 'Portainer',
    redirects: [''],
    withoutPkce: true,
    groups: true,
    settings: [
      ['Settings → Authentication → OAuth → Custom → Client ID', '{id}'],
      ['Client secret', '{secret}'],
      ['Authorization URL', '{issuer}/oidc/auth'],
      ['Access token URL', '{issuer}/oidc/token'],
      ['Resource URL', '{issuer}/oidc/userinfo'],
      ['Redirect URL', '{url}'],
      ['Logout URL', '{issuer}/oidc/logout'],
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
      ['auth_oidc: client_id', '{id}'],
      ['client_secret', '{secret}'],
      ['discovery_url', '{issuer}/.well-known/openid-configuration'],
      ['roles: admin', 'owner']
    ],
    notes: [NO_SIGN_OUT]
  },
  proxmox: {
    name: 'Proxmox VE',
    redirects: [''],
    groups: true,
    settings: [
      ['Datacenter → Realms → OpenID Connect → Issuer URL', '{issuer}'],
      ['Client ID', '{id}'],
      ['Client key', '{secret}'],
      ['Username claim', 'preferred_username'],
      ['Scopes', SCOPES]
    ],
    notes: [NO_SIGN_OUT, 'The username claim cannot be changed once somebody has signed in.']
  },
  beszel: {
    name: 'Beszel',
    redirects: ['/api/oauth2-redirect'],
    groups: false,
    settings: [
      ['/_/ → Collections → users → Options → OAuth2 → OpenID Connect → Client ID', '{id}'],
      ['Client secret', '{secret}'],
      ['Auth URL', '{issuer}/oidc/auth'],
      ['Token URL', '{issuer}/oidc/token'],
      ['User info URL', '{issuer}/oidc/userinfo'],
      ['Support PKCE', 'on']
    ],
    notes: [NO_SIGN_OUT, MANAGED]
  },
  synapse: {
    name: 'Synapse (Matrix)',
    redirects: ['/_synapse/client/oidc/callback'],
    backchannel: '/_synapse/client/oidc/backchannel_logout',
    withoutPkce: true,
    groups: false,
    settings: [
      ['oidc_providers: issuer', '{issuer}'],
      ['client_id', '{id}'],
      ['client_secret', '{secret}'],
      ['scopes', '["openid", "profile", "email"]'],
      ['backchannel_logout_enabled', 'true']
    ]
  }
}
