import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, type ByteSource, toSource } from './answer.ts'
import type { Fault } from './faults.ts'
import type { RecordedRequest } from './recorder.ts'

const CHUNK_BYTES = 262_144

/** Writes the response at the reader's pace, with the delivery faults applied; ends early if the reader leaves. */
export async function deliver(
  response: ServerResponse,
  method: string,
  answer: Answer,
  faults: readonly Fault[],
  record: RecordedRequest
): Promise<void> {
  const source = toSource(answer)
  response.statusCode = answer.status
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    response.setHeader(name, typeof value === 'string' ? value : [...value])
  }
  if (answer.stream) {
    response.flushHeaders()
    answer.stream(response)
    return
  }
  const bodiless = answer.status === 204 || answer.status === 304
  if (!bodiless && !response.hasHeader('Content-Length')) response.setHeader('Content-Length', source.size)
  if (method === 'HEAD' || bodiless) {
    response.end()
    return
  }
  const halved = faults.find((fault) => fault.kind === 'half-reset' || fault.kind === 'stall')
  const drip = faults.find((fault) => fault.kind === 'drip')
  const end = halved ? Math.floor(source.size / 2) : source.size
  // Node flushes a head as UTF-8, and sends one that goes with its body as ISO-8859-1: one byte for a character.
  const isAscii = Object.values(answer.headers ?? {}).every((value) => /^[\t -~]*$/.test(String(value)))
  if (isAscii || end === 0) response.flushHeaders()
  await pump(
    response,
    source,
    end,
    drip?.bytes ?? (drip ? 16 : CHUNK_BYTES),
    drip ? (drip.ms ?? 1) : 0,
    record
  )
  if (!halved) response.end()
  if (halved?.kind === 'half-reset') response.destroy()
}

async function pump(
  response: ServerResponse,
  source: ByteSource,
  end: number,
  step: number,
  pauseMs: number,
  record: RecordedRequest
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  for (let offset = 0; offset < end && !response.destroyed; ) {
    const chunk = source.read(offset, Math.min(step, end - offset))
    offset += chunk.length
    record.bytesSent += chunk.length
    const flowing = response.write(chunk)
    try {
      if (!flowing) await once(response, 'drain', { signal: gone.signal })
      if (pauseMs > 0) await sleep(pauseMs, undefined, { signal: gone.signal })
    } catch {
      // The reader is gone.
      return
    }
  }
}
