import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import type { Browser } from '../support/browser.ts'

/**
 * Milliseconds within which a bystander gets its page. Far above what it takes, so that a busy machine fails no test,
 * and below the time-out that it was left waiting for before. The ratios are measured by the benchmark's fairness row.
 */
export const PATIENCE_MS = 10_000

/** Somebody else than the attacker: asks for a page a few times, and tells how long each took at the most. */
export async function slowestPage(t: Test, browser: Browser, times = 10): Promise<number> {
  let slowest = 0
  for (let i = 0; i < times; i++) {
    const before = performance.now()
    const { status } = await browser.get('/pms/library/sections')
    t.equal(status, 200, 'the bystander gets the page')
    slowest = Math.max(slowest, performance.now() - before)
  }
  return slowest
}

/** The bytes of a request as a browser with this session sends it. */
export function requestBytes(url: string, browser: Pick<Browser, 'cookie'>, path: string): string {
  const { host } = new URL(url)
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nSec-Fetch-Site: same-origin\r\nCookie: ${browser.cookie}\r\n\r\n`
}

/** A socket that sends these bytes, takes the first that come back, and reads no further; closed when the test ends. */
export function openPaused(t: Test, url: string, bytes: string): { socket: Socket; head: Promise<string> } {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  const head = new Promise<string>((resolve) => {
    socket.on('error', () => resolve(''))
    socket.on('close', () => resolve(''))
    socket.once('data', (chunk) => {
      socket.pause()
      resolve(chunk.toString('latin1'))
    })
  })
  socket.write(bytes, 'latin1')
  return { socket, head }
}

export const statusOf = (head: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0)
