import type { Connection } from './connection.ts'

/** Who keeps the connections of a lane. */
export interface Owner {
  /** The connection is ready for another request. */
  onFree(connection: Connection): void
  onClose(connection: Connection): void
}
