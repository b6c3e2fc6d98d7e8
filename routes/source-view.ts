import { Type } from 'typebox'
import type { Source } from '../src/plex/source.ts'

/** The members that both listeners send of a source, without its token. */
export const sourceMembers = {
  source: Type.String(),
  name: Type.String(),
  clientIdentifier: Type.String(),
  connections: Type.Array(
    Type.Object({
      protocol: Type.String(),
      address: Type.String(),
      port: Type.Integer(),
      uri: Type.String(),
      local: Type.Boolean(),
      relay: Type.Boolean()
    })
  )
}

export function viewSource({ source, name, clientIdentifier, connections }: Source) {
  return {
    source,
    name,
    clientIdentifier,
    connections: connections.map(({ protocol, address, port, uri, local, relay }) => {
      return { protocol, address, port, uri, local, relay }
    })
  }
}
