import { MANAGED, NO_SIGN_OUT, type Preset, SCOPES } from './preset.ts'

const FORGE = [
  ['Site administration → Authentication sources → Name', 'usher'],
  ['Client ID (key)', '{id}'],
  ['Client secret', '{secret}'],
  ['OpenID Connect auto discovery URL', '{issuer}/.well-known/openid-configuration'],
  ['Claim name of groups, and admin group', 'groups, owner']
] as const

/** Apps for files, money, recipes and text. */
export const WORK: Readonly<Record<string, Preset>> = {
  'nextcloud-user-oidc': {
    name: 'Nextcloud with user_oidc',
    redirects: ['/apps/user_oidc/code', '/index.php/apps/user_oidc/code'],
    backchannel: '/index.php/apps/user_oidc/backchannel-logout/usher',
    afterLogout: ['/'],
    groups: true,
    settings: [
      ['Administration → OpenID Connect → Identifier', 'usher'],
      ['Client ID', '{id}'],
      ['Client secret', '{secret}'],
      ['Discovery endpoint', '{issuer}/.well-known/openid-configuration'],
      ['Scope', SCOPES],
      ['User ID mapping', 'sub'],
      ['Groups mapping, with group provisioning switched on', 'groups']
    ],
    notes: ['The identifier is part of the back-channel URL: if you change one, change both.']
  },
  'nextcloud-oidc-login': {
    name: 'Nextcloud with oidc_login',
    redirects: ['/apps/oidc_login/oidc', '/index.php/apps/oidc_login/oidc'],
    groups: true,
    settings: [
      ['config.php: oidc_login_provider_url', '{issuer}'],
      ['oidc_login_client_id', '{id}'],
      ['oidc_login_client_secret', '{secret}'],
      ['oidc_login_scope', SCOPES],
      ['oidc_login_code_challenge_method', 'S256'],
      ['oidc_login_attributes', "['id' => 'sub', 'name' => 'name', 'mail' => 'email', 'groups' => 'groups']"]
    ],
    notes: [NO_SIGN_OUT, 'It is not the same app as user_oidc; install one of the two.']
  },
  paperless: {
    name: 'Paperless-ngx',
    redirects: ['/accounts/oidc/usher/login/callback/'],
    groups: true,
    settings: [
      ['PAPERLESS_APPS', 'allauth.socialaccount.providers.openid_connect'],
      [
        'PAPERLESS_SOCIALACCOUNT_PROVIDERS',
        '{"openid_connect":{"OAUTH_PKCE_ENABLED":true,"APPS":[{"provider_id":"usher","name":"Plex","client_id":"{id}","secret":"{secret}","settings":{"server_url":"{issuer}","scope":["openid","profile","email","groups"]}}]}}'
      ],
      ['PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS', 'true']
    ],
    notes: [NO_SIGN_OUT, 'The redirect URI ends in a slash, which matters.']
  },
  mealie: {
    name: 'Mealie',
    redirects: ['/login'],
    groups: true,
    settings: [
      ['OIDC_AUTH_ENABLED', 'true'],
      ['OIDC_CONFIGURATION_URL', '{issuer}/.well-known/openid-configuration'],
      ['OIDC_CLIENT_ID', '{id}'],
      ['OIDC_CLIENT_SECRET', '{secret}'],
      ['OIDC_ADMIN_GROUP', 'owner'],
      ['OIDC_PROVIDER_NAME', 'Plex']
    ],
    notes: [NO_SIGN_OUT, MANAGED]
  },
  'open-webui': {
    name: 'Open WebUI',
    redirects: ['/oauth/oidc/callback'],
    backchannel: '/oauth/backchannel-logout',
    groups: true,
    settings: [
      ['OPENID_PROVIDER_URL', '{issuer}/.well-known/openid-configuration'],
      ['OAUTH_CLIENT_ID', '{id}'],
      ['OAUTH_CLIENT_SECRET', '{secret}'],
      ['OAUTH_SCOPES', SCOPES],
      ['OAUTH_CODE_CHALLENGE_METHOD', 'S256'],
      ['ENABLE_OAUTH_SIGNUP', 'true'],
      ['ENABLE_OAUTH_ROLE_MANAGEMENT', 'true'],
      ['OAUTH_ROLES_CLAIM', 'groups'],
      ['OAUTH_ADMIN_ROLES', 'owner'],
      ['OAUTH_ALLOWED_ROLES', 'owner,home,shared'],
      ['ENABLE_OAUTH_BACKCHANNEL_LOGOUT, which wants Redis', 'true']
    ],
    notes: [MANAGED]
  },
  forgejo: {
    name: 'Forgejo',
    redirects: ['/user/oauth2/usher/callback'],
    groups: true,
    settings: FORGE,
    notes: [NO_SIGN_OUT]
  },
  gitea: {
    name: 'Gitea',
    redirects: ['/user/oauth2/usher/callback'],
    withoutPkce: true,
    groups: true,
    settings: FORGE,
    notes: [NO_SIGN_OUT]
  },
  tandoor: {
    name: 'Tandoor',
    redirects: ['/accounts/oidc/usher/login/callback/'],
    withoutPkce: true,
    groups: false,
    settings: [
      ['SOCIAL_PROVIDERS', 'allauth.socialaccount.providers.openid_connect'],
      [
        'SOCIALACCOUNT_PROVIDERS',
        '{"openid_connect":{"APPS":[{"provider_id":"usher","name":"Plex","client_id":"{id}","secret":"{secret}","settings":{"server_url":"{issuer}/.well-known/openid-configuration"}}]}}'
      ]
    ],
    notes: [NO_SIGN_OUT, 'The redirect URI ends in a slash, which matters.']
  },
  vikunja: {
    name: 'Vikunja',
    redirects: ['/auth/openid/usher'],
    withoutPkce: true,
    groups: false,
    settings: [
      ['auth.openid.enabled', 'true'],
      ['auth.openid.providers.usher.name', 'Plex'],
      ['….authurl', '{issuer}'],
      ['….clientid', '{id}'],
      ['….clientsecret', '{secret}'],
      ['….scope', 'openid profile email']
    ],
    notes: [NO_SIGN_OUT]
  },
  vaultwarden: {
    name: 'Vaultwarden',
    redirects: ['/identity/connect/oidc-signin'],
    refresh: true,
    groups: false,
    settings: [
      ['SSO_ENABLED', 'true'],
      ['SSO_AUTHORITY', '{issuer}'],
      ['SSO_CLIENT_ID', '{id}'],
      ['SSO_CLIENT_SECRET', '{secret}'],
      ['SSO_SCOPES', 'profile email']
    ],
    notes: [NO_SIGN_OUT, MANAGED]
  },
  actual: {
    name: 'Actual Budget',
    redirects: ['/openid/callback'],
    withoutPkce: true,
    groups: false,
    settings: [
      ['ACTUAL_OPENID_DISCOVERY_URL', '{issuer}'],
      ['ACTUAL_OPENID_CLIENT_ID', '{id}'],
      ['ACTUAL_OPENID_CLIENT_SECRET', '{secret}'],
      ['ACTUAL_OPENID_SERVER_HOSTNAME', '{url}']
    ],
    notes: [NO_SIGN_OUT]
  },
  outline: {
    name: 'Outline',
    redirects: ['/auth/oidc.callback'],
    withoutPkce: true,
    refresh: true,
    groups: false,
    settings: [
      ['OIDC_CLIENT_ID', '{id}'],
      ['OIDC_CLIENT_SECRET', '{secret}'],
      ['OIDC_AUTH_URI', '{issuer}/oidc/auth'],
      ['OIDC_TOKEN_URI', '{issuer}/oidc/token'],
      ['OIDC_USERINFO_URI', '{issuer}/oidc/userinfo'],
      ['OIDC_LOGOUT_URI', '{issuer}/oidc/logout'],
      ['OIDC_USERNAME_CLAIM', 'preferred_username'],
      ['OIDC_SCOPES', 'openid profile email']
    ],
    notes: [NO_SIGN_OUT, MANAGED]
  },
  bookstack: {
    name: 'BookStack',
    redirects: ['/oidc/callback'],
    groups: true,
    settings: [
      ['AUTH_METHOD', 'oidc'],
      ['OIDC_ISSUER', '{issuer}'],
      ['OIDC_ISSUER_DISCOVER', 'true'],
      ['OIDC_CLIENT_ID', '{id}'],
      ['OIDC_CLIENT_SECRET', '{secret}'],
      ['OIDC_ADDITIONAL_SCOPES', 'groups'],
      ['OIDC_USER_TO_GROUPS', 'true'],
      ['OIDC_GROUPS_CLAIM', 'groups'],
      ['OIDC_END_SESSION_ENDPOINT', 'true']
    ],
    notes: [NO_SIGN_OUT, MANAGED]
  }
}
