import type { Connection } from './connection.ts'
import type { Clock } from './deadline.ts'

/** Who keeps the connections of a lane. */
export interface Owner {
  readonly clock: Clock
  /** The connection is ready for another request. */
  onFree(connection: Connection): void
  onClose(connection: Connection): void
}
