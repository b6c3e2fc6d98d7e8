import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly text: string
}

/**
 * Writes exactly these bytes to a listener and returns everything that comes back. `inject` and HTTP clients
 * normalise a request first; these tests need one that nobody normalised.
 */
export async function sendRaw(base: string, bytes: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.write(bytes, 'latin1')
  // A reset is an end like any other: what came before it counts.
  await new Promise((resolve) => socket.on('error', resolve).on('close', resolve))
  const text = Buffer.concat(chunks).toString('latin1')
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text }
}
