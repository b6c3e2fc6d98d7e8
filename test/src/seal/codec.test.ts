import t from 'tap'
import { integer, listOf, text, tuple } from '../../../src/seal/codec.ts'
import { sessionCodec } from '../../../src/session/cookie/sealed-session.ts'
import { deviceCodec } from '../../../src/session/sign-in/device.ts'
import { signInsCodec } from '../../../src/session/sign-in/sign-in.ts'
import { NOW, sampleSession } from '../session/sample.ts'

t.test(
  'rule 10: another version or shape is no session, and foreign members and prototypes count for nothing',
  async (t) => {
    const session = sampleSession({
      homeAdmin: { accountId: 7, uuid: 'u', token: 'admin', clientIdentifier: 'c' }
    })
    const good = sessionCodec.encode(session)
    t.strictSame(
      sessionCodec.decode(JSON.parse(JSON.stringify(good))),
      session,
      'a round trip changes nothing'
    )
    t.strictSame(sessionCodec.decode([...good, 'a later member']), session)
    const shared = sampleSession({ role: 'shared', serverToken: 'another' })
    t.strictSame(sessionCodec.decode(sessionCodec.encode(shared)), shared)
    const none = sampleSession({ role: 'none', server: null, serverToken: null })
    t.strictSame(sessionCodec.decode(sessionCodec.encode(none)), none)
    for (const value of [
      null,
      undefined,
      1,
      'text',
      {},
      [],
      [1],
      [3, ...good.slice(1)],
      ['2', ...good.slice(1)],
      { 0: 1, length: 20 }
    ]) {
      t.equal(sessionCodec.decode(value), null)
    }
    for (let index = 0; index < good.length; index += 1) {
      for (const wrong of [{}, [], Number.NaN, 1.5, undefined]) {
        t.equal(sessionCodec.decode(good.with(index, wrong)), null, `${JSON.stringify(wrong)} at ${index}`)
      }
      t.equal(sessionCodec.decode(good.slice(0, index)), null, `cut off at ${index}`)
    }
    const polluted = JSON.parse('[1, {"__proto__": {"polluted": true}}]') as unknown
    t.equal(sessionCodec.decode(polluted), null)
    t.equal(({} as Record<string, unknown>)['polluted'], undefined)
    const signIn = {
      pinId: 7,
      code: 'ABCD',
      clientIdentifier: 'cid',
      returnTo: '/',
      kind: 'link',
      expiresAt: NOW,
      tabs: 2
    } as const
    const both = [signIn, { ...signIn, pinId: 8, kind: 'redirect' }] as const
    t.strictSame(signInsCodec.decode(signInsCodec.encode(both)), both)
    t.strictSame(signInsCodec.decode([2]), [])
    for (const odd of [
      [1, 1, 'c', 'cid', '/', 'elsewhere', NOW],
      [1, '1', 'c', 'cid', '/', 'link', NOW],
      [1, 1, 'c', 7, '/', 'link', NOW],
      [2, [1, 'c', 'cid', '/', 'link', NOW]],
      [2, signIn],
      [2, 1, 'c', 'cid', '/', 'link', NOW, 1],
      [3, [1, 'c', 'cid', '/', 'link', NOW, 1]],
      {}
    ]) {
      t.equal(signInsCodec.decode(odd), null, JSON.stringify(odd))
    }
    t.equal(deviceCodec.decode([1, 7, true]), null)
    t.equal(deviceCodec.decode([2, 'cid', true]), null)
    const device = { clientIdentifier: 'cid', knownAs: null, lentUntil: 0 }
    t.strictSame(deviceCodec.decode([1, 'cid', 'yes']), device, 'a cookie of before identifiers were lent')
    t.strictSame(deviceCodec.decode([1, 'cid', true, 'x']), device)
    t.strictSame(deviceCodec.decode([1, 'cid', 12, 7]), { ...device, knownAs: 12, lentUntil: 7 })
  }
)

t.test('rule 10: a list has one type, and a tuple each of its own', async (t) => {
  for (const [value, isList, isTuple] of [
    [['a', 'b'], true, false],
    [['a', 1], false, true],
    [[], true, false],
    [['a'], true, false],
    [[1, 1], false, false],
    [['a', 1, 'later'], false, true],
    ['ab', false, false],
    [null, false, false],
    [{ 0: 'a', 1: 1, length: 2 }, false, false]
  ] as const) {
    t.equal(listOf(text)(value), isList, JSON.stringify(value))
    t.equal(tuple(text, integer)(value), isTuple, JSON.stringify(value))
  }
})
