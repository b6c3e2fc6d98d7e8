import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly text: string
}

/**
 * Writes these very bytes to a listener and gives all that comes back: `inject` and every HTTP client tidy a request
 * up first, and what is tested is what happens to one that nobody tidied.
 */
export async function sendRaw(base: string, bytes: string): Promise<RawAnswer> {
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.write(bytes, 'latin1')
  // A reset is an end like any other here: what came before it counts.
  await new Promise((resolve) => socket.on('error', resolve).on('close', resolve))
  const text = Buffer.concat(chunks).toString('latin1')
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text }
}
