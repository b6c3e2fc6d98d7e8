import type { JsonObject } from '../json.ts'
import type { Route } from '../router.ts'
import type { SimServer } from '../servers.ts'
import type { World } from '../world.ts'
import type { Callers } from './caller.ts'
import { container } from './reply.ts'

/**
 * `/identity`, open to all, and the server's capabilities (reference/plex.md#media-server-paths and
 * #media-server-rights).
 */
export function rootRoutes(world: World, server: SimServer, callers: Callers): Route[] {
  return [
    [
      'GET',
      '/identity',
      (request) => {
        const { claimed, machineIdentifier, version } = server
        return container(request, { size: 0, claimed, machineIdentifier, version })
      }
    ],
    ['GET', '/', callers.any((request) => container(request, capabilities(world, server)))],
    [
      'GET',
      '/library',
      callers.admin((request) =>
        container(request, {
          size: 2,
          allowSync: false,
          title1: 'Plex Library',
          Directory: [
            { key: 'sections', title: 'Library Sections' },
            { key: 'recentlyAdded', title: 'Recently Added Content' }
          ]
        })
      )
    ]
  ]
}

function capabilities(world: World, server: SimServer): JsonObject {
  return {
    size: 2,
    allowCameraUpload: true,
    allowChannelAccess: true,
    allowMediaDeletion: true,
    allowSharing: true,
    allowSync: true,
    allowTuners: true,
    backgroundProcessing: true,
    certificate: true,
    companionProxy: true,
    countryCode: 'gbr',
    diagnostics: 'logs,databases,streaminglogs',
    eventStream: true,
    friendlyName: server.name,
    hubSearch: true,
    itemClusters: true,
    livetv: 7,
    machineIdentifier: server.machineIdentifier,
    mediaProviders: true,
    multiuser: true,
    musicAnalysis: 2,
    myPlex: true,
    myPlexMappingState: 'mapped',
    myPlexSigninState: 'ok',
    myPlexSubscription: true,
    myPlexUsername: world.accounts.get(server.owner).email,
    offlineTranscode: 1,
    ownerFeatures: 'home,session_kick',
    platform: 'Linux',
    platformVersion: '12',
    pluginHost: true,
    pushNotifications: false,
    readOnlyLibraries: false,
    ...(world.modes.parametersInCookie ? { requestParametersInCookie: true } : {}),
    streamingBrainABRVersion: 3,
    streamingBrainVersion: 2,
    sync: true,
    transcoderActiveVideoSessions: 0,
    transcoderAudio: true,
    transcoderLyrics: true,
    transcoderPhoto: true,
    transcoderSubtitles: true,
    transcoderVideo: true,
    transcoderVideoBitrates: '64,96,208',
    transcoderVideoQualities: '0,1,2',
    transcoderVideoResolutions: '128,128,160',
    updatedAt: 1_732_460_000,
    updater: true,
    version: server.version,
    voiceSearch: true,
    Directory: [
      { count: 1, key: 'identity', title: 'identity' },
      { count: 3, key: 'library', title: 'library' }
    ]
  }
}
