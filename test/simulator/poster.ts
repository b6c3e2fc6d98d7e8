import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { crc32, deflateSync } from 'node:zlib'

const MAX_SIDE = 600

/** A real PNG: a gradient whose colour comes from the seed. */
export function posterPng(seed: string, width: number, height: number): Buffer {
  const columns = Math.min(Math.max(1, width), MAX_SIDE)
  const rows = Math.min(Math.max(1, height), MAX_SIDE)
  const [red = 0, green = 0, blue = 0] = createHash('sha256').update(seed).digest()
  const pixels = Buffer.alloc(rows * (1 + columns * 3))
  for (let row = 0; row < rows; row++) {
    const shade = 1 - row / (rows * 1.5)
    const start = row * (1 + columns * 3) + 1
    const colour = Buffer.from([red * shade, green * shade, blue * shade])
    pixels.fill(colour, start, start + columns * 3)
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(columns, 0)
  header.writeUInt32BE(rows, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels)),
    chunk('IEND', Buffer.alloc(0))
  ])
}

/** A real JPEG of 120×180 pixels. */
export function posterJpeg(): Buffer {
  return readFileSync(new URL('./fixtures/poster.jpg', import.meta.url))
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}
