import type { ServerResponse } from 'node:http'

/** What hears of the client of a response. */
export interface ClientSide {
  clientClosed(): void
  clientDrained(): void
}

const SIDE: unique symbol = Symbol('client side')

/** A response that knows who hears of its client: one function each for all, instead of a closure for every one. */
export interface BoundResponse extends ServerResponse {
  [SIDE]?: ClientSide
}

export function bindClient(response: BoundResponse, side: ClientSide): void {
  response[SIDE] = side
  response.on('close', onClose)
}

/** Has it hear too when the client has taken what was queued. */
export function listenDrain(response: BoundResponse): void {
  response.on('drain', onDrain)
}

function onClose(this: BoundResponse): void {
  this[SIDE]?.clientClosed()
}
function onDrain(this: BoundResponse): void {
  this[SIDE]?.clientDrained()
}
