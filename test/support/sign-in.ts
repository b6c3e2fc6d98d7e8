import type { Test } from 'tap'
import type { AccountKey } from '../simulator/accounts.ts'
import type { Simulator } from '../simulator/simulator.ts'
import type { Answer } from './browser.ts'

/** A clock that runs with the real one and can be advanced. */
export function createOffsetClock(): { readonly now: () => number; advance(ms: number): void } {
  let offset = 0
  return {
    now: () => Date.now() + offset,
    advance(ms) {
      offset += ms
    }
  }
}

export function loginOf(simulator: Simulator, key: AccountKey): string {
  const login = simulator.accounts.list().find((account) => account.key === key)?.login
  if (login === null || login === undefined) throw new RangeError(`${key} has no login`)
  return login
}

/**
 * Checks a problem against reference/http.md#problems: its members in order, its type, no-store, and nothing else.
 */
export function matchProblem(t: Test, answer: Answer, status: number, code: string, name = code): void {
  t.equal(answer.status, status, `${name}: status (${answer.text.slice(0, 300)})`)
  t.equal(answer.headers['content-type'], 'application/problem+json', name)
  t.equal(answer.headers['cache-control'], 'no-store', name)
  const body = answer.json as Record<string, unknown>
  t.equal(body['code'], code, name)
  t.equal(body['status'], status, name)
  const members = Object.keys(body)
  const expected = ['type', 'title', 'status', 'code', 'detail', 'requestId']
  t.strictSame(members.slice(0, 6), expected, name)
  t.ok(members.length === 6 || (members.length === 7 && members[6] === 'upstream'), name)
  t.notMatch(answer.text, /https?:\/\/|\bat \/|node_modules/, `${name}: no URL, no stack`)
}

export interface SetCookie {
  readonly name: string
  readonly value: string
  readonly attributes: Readonly<Record<string, string>>
}

/** A parsed Set-Cookie line; attribute names in lower case. */
export function readSetCookie(line: string): SetCookie {
  const [pair = '', ...rest] = line.split(/; */)
  const equals = pair.indexOf('=')
  return {
    name: pair.slice(0, equals),
    value: pair.slice(equals + 1),
    attributes: Object.fromEntries(
      rest.map((part) => {
        const [key = '', ...value] = part.split('=')
        return [key.toLowerCase(), value.join('=')]
      })
    )
  }
}
