import type { ServerResponse } from 'node:http'

/** Receives events about the client of a response. */
export interface ClientSide {
  clientClosed(): void
  clientDrained(): void
}

const SIDE: unique symbol = Symbol('client side')

/** A response that knows its receiver: one shared function per event instead of a closure for each response. */
export interface BoundResponse extends ServerResponse {
  [SIDE]?: ClientSide
}

export function bindClient(response: BoundResponse, side: ClientSide): void {
  response[SIDE] = side
  response.on('close', onClose)
}

/** Also reports when the client has taken what was queued. */
export function listenDrain(response: BoundResponse): void {
  response.on('drain', onDrain)
}

function onClose(this: BoundResponse): void {
  this[SIDE]?.clientClosed()
}
function onDrain(this: BoundResponse): void {
  this[SIDE]?.clientDrained()
}
