import { once } from 'node:events'
import type { Transform } from 'node:stream'
import t from 'tap'
import { createFrameMask } from '../../../src/forward/frame-mask.ts'
import { createScrubber } from '../../../src/scrub/scrubber.ts'
import { fc } from '../../support/properties.ts'
import { TOKEN } from './front.ts'

const STARS = '*'.repeat(TOKEN.length)
const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9

interface Part {
  readonly opcode: number
  readonly payload: Buffer
  readonly isFinal: boolean
}

const open = (): Transform => createFrameMask((grammar) => createScrubber([TOKEN], grammar))

function toFrame({ opcode, payload, isFinal }: Part): Buffer {
  const first = (isFinal ? 0x80 : 0) | opcode
  const { length } = payload
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), payload])
  const head = Buffer.alloc(length < 65_536 ? 4 : 10)
  head[0] = first
  head[1] = length < 65_536 ? 126 : 127
  if (length < 65_536) head.writeUInt16BE(length, 2)
  else head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}

/** The messages and control frames in the order in which they are whole. */
function read(bytes: Buffer): string[] {
  const seen: string[] = []
  let message: { opcode: number; pieces: Buffer[] } | null = null
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at] as number
    let length = bytes[at + 1] as number
    at += 2
    if (length === 126) {
      length = bytes.readUInt16BE(at)
      at += 2
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at))
      at += 8
    }
    const payload = bytes.subarray(at, at + length)
    if (payload.length !== length) throw new Error('a frame is cut off')
    at += length
    const opcode = first & 0x0f
    if (opcode >= CLOSE) {
      seen.push(`${opcode} ${payload.toString('latin1')}`)
      continue
    }
    if ((opcode === 0) !== (message !== null)) throw new Error('fragments out of order')
    message ??= { opcode, pieces: [] }
    message.pieces.push(payload)
    if ((first & 0x80) === 0) continue
    seen.push(`${message.opcode} ${Buffer.concat(message.pieces).toString('latin1')}`)
    message = null
  }
  return seen
}

async function pass(mask: Transform, pieces: readonly Buffer[]): Promise<Buffer> {
  const out: Buffer[] = []
  mask.on('data', (chunk: Buffer) => out.push(chunk))
  for (const piece of pieces) mask.write(piece)
  mask.end()
  await once(mask, 'end')
  return Buffer.concat(out)
}

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = cuts.map((cut) => cut % (bytes.length + 1)).sort((left, right) => left - right)
  return [...places, bytes.length].map((to, index) => bytes.subarray(index === 0 ? 0 : places[index - 1], to))
}

const notification = (title: string) =>
  JSON.stringify({
    NotificationContainer: { type: 'playing', size: 1, url: `/x?X-Plex-Token=${TOKEN}&a`, title }
  })

t.test('rule 56: text frames are masked, and keep their length', async (t) => {
  const text = notification("One last token: 'tis the season.")
  const frame = toFrame({ opcode: TEXT, payload: Buffer.from(text), isFinal: true })
  const out = await pass(open(), [frame])
  t.equal(out.length, frame.length)
  t.equal(out.toString(), frame.toString().replace(TOKEN, STARS))
})

t.test('rule 56: a token that lies in two fragments is masked, a ping between them passes', async (t) => {
  const text = notification('a')
  const middle = text.indexOf(TOKEN) + 7
  const parts: Part[] = [
    { opcode: TEXT, payload: Buffer.from(text.slice(0, middle)), isFinal: false },
    { opcode: PING, payload: Buffer.from('a'), isFinal: true },
    { opcode: 0, payload: Buffer.alloc(0), isFinal: false },
    { opcode: 0, payload: Buffer.from(text.slice(middle)), isFinal: true }
  ]
  t.strictSame(read(await pass(open(), parts.map(toFrame))), ['9 a', `1 ${text.replace(TOKEN, STARS)}`])
})

t.test('however frames are cut, messages arrive whole, in order and masked', async () => {
  const text = fc
    .array(
      fc.constantFrom(
        TOKEN,
        notification('é'),
        '"token":"abc"',
        '千と',
        'a'.repeat(200),
        'b'.repeat(70_000),
        ''
      ),
      {
        maxLength: 4
      }
    )
    .map((pieces) => `{${pieces.join('')}`)
  const message = fc.record({
    opcode: fc.constantFrom(TEXT, BINARY),
    payload: text.map((value) => Buffer.from(value)),
    cuts: fc.array(fc.nat({ max: 80_000 }), { maxLength: 3 }),
    controls: fc.array(fc.constantFrom(PING, 10), { maxLength: 2 })
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { maxLength: 4 }),
      fc.array(fc.nat({ max: 200_000 }), { maxLength: 8 }),
      async (messages, cuts) => {
        const frames: Buffer[] = []
        for (const { opcode, payload, cuts: places, controls } of messages) {
          const pieces = cutAt(payload, places)
          for (const [index, piece] of pieces.entries()) {
            frames.push(
              toFrame({
                opcode: index === 0 ? opcode : 0,
                payload: piece,
                isFinal: index === pieces.length - 1
              })
            )
            const control = controls[index]
            if (control !== undefined)
              frames.push(toFrame({ opcode: control, payload: Buffer.from(TOKEN), isFinal: true }))
          }
        }
        const sent = Buffer.concat(frames)
        const got = read(await pass(open(), cutAt(sent, cuts)))
        const whole = read(sent).map((entry) => {
          if (!entry.startsWith('1 ')) return entry
          return entry.replaceAll(TOKEN, STARS).replaceAll('"token":"abc"', '"token":"***"')
        })
        // A control frame may leave before the message in whose last fragment it came.
        if (JSON.stringify(got.toSorted()) !== JSON.stringify(whole.toSorted()))
          throw new Error('other messages')
        const data = (entry: string) => /^[12] /.test(entry)
        if (JSON.stringify(got.filter(data)) !== JSON.stringify(whole.filter(data)))
          throw new Error('out of order')
      }
    ),
    { numRuns: 300 }
  )
})

t.test('the reason of a close frame is masked, its code is not', async (t) => {
  const payload = Buffer.concat([Buffer.from([0x03, 0xe8]), Buffer.from(`bye ${TOKEN}`)])
  const out = await pass(open(), [toFrame({ opcode: CLOSE, payload, isFinal: true })])
  t.strictSame([...out.subarray(0, 4)], [0x88, payload.length, 0x03, 0xe8])
  t.equal(out.subarray(4).toString(), `bye ${STARS}`)
  t.strictSame([...(await pass(open(), [Buffer.from([0x88, 0])]))], [0x88, 0])
})

t.test('rule 57: what is no frame of a server without extensions ends the socket', async (t) => {
  const cases: Readonly<Record<string, readonly number[]>> = {
    compressed: [0xc1, 1, 0],
    'a reserved bit': [0xa1, 1, 0],
    'an unknown opcode': [0x83, 0],
    'an unknown control frame': [0x8b, 0],
    'a masked frame': [0x81, 0x81, 1, 2, 3, 4, 5],
    'a fragment of nothing': [0x80, 1, 0],
    'a message within a message': [0x01, 1, 0x61, 0x81, 1, 0x61],
    'a control frame in pieces': [0x09, 1, 0],
    'a long control frame': [0x89, 126, 0, 126],
    'a length longer than need be': [0x81, 126, 0, 5],
    'a length of 64 bits longer than need be': [0x81, 127, 0, 0, 0, 0, 0, 0, 1, 0],
    'a length beyond counting': [0x81, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255]
  }
  for (const [name, bytes] of Object.entries(cases)) {
    const mask = open()
    mask.resume()
    const failed = once(mask, 'error')
    for (const byte of bytes) mask.write(Buffer.from([byte]))
    const [error] = await failed
    t.match(error, /frame/, name)
  }
})

t.test('rule 53: fragments and frames of a byte each that arrive together leave together', async (t) => {
  const letters = 'a'.repeat(3000)
  const fragments = [`"token":"`, ...letters].map((text, index) =>
    toFrame({ opcode: index === 0 ? TEXT : 0, payload: Buffer.from(text), isFinal: false })
  )
  const pings = Array.from({ length: 3000 }, () =>
    toFrame({ opcode: PING, payload: Buffer.from('p'), isFinal: true })
  )
  const mixed = fragments.flatMap((fragment, index) => [fragment, ...pings.slice(index, index + 1)])
  const end = toFrame({ opcode: 0, payload: Buffer.from('",'), isFinal: true })
  const sizes: number[] = []
  const mask = open()
  mask.on('data', (piece: Buffer) => sizes.push(piece.length))
  const out = await pass(mask, [Buffer.concat([...mixed, end])])
  t.strictSame(read(out), [...pings.map(() => '9 p'), `1 "token":"${'*'.repeat(3000)}",`])
  t.ok(out.length < 3000 * 4 + 100, 'the fragments are joined')
  t.ok(sizes.length < 10, `${sizes.length} writes`)
})

t.test('a close frame stays behind what came before it', async (t) => {
  const frames = [
    toFrame({ opcode: TEXT, payload: Buffer.from('a'), isFinal: false }),
    toFrame({ opcode: CLOSE, payload: Buffer.from([3, 232]), isFinal: true })
  ]
  t.equal(
    (await pass(open(), [Buffer.concat(frames)])).toString('latin1'),
    Buffer.concat(frames).toString('latin1')
  )
})
