import { HOUSE } from './house.ts'
import { MEDIA } from './media.ts'
import type { Preset } from './preset.ts'
import { WORK } from './work.ts'

/** Every app that `--generate-oidc-client` knows, by name. */
export const PRESETS: Readonly<Record<string, Preset>> = { ...MEDIA, ...WORK, ...HOUSE }

/** Those with their own page in docs/apps/. */
export const GUIDES: readonly string[] = [
  'immich',
  'grafana',
  'nextcloud-user-oidc',
  'nextcloud-oidc-login',
  'jellyfin',
  'seerr',
  'audiobookshelf',
  'paperless',
  'mealie',
  'open-webui',
  'homarr',
  'portainer'
]
