import t from 'tap'
import { toLocalLocation } from '../../../src/forward/location.ts'

const BASE = 'http://pms.example:32400/library/sections'

t.test('rule 58: a Location stays below the mount, without identity', async (t) => {
  for (const [location, local] of [
    ['/x?a=1&b=%20c', '/pms/x?a=1&b=%20c'],
    ['/x?a=1&X-Plex-Token=t&b=%20c&x_plex_other=2', '/pms/x?a=1&b=+c'],
    ['/x?X-Plex-Token=t&X-Plex-Token=u', '/pms/x'],
    ['?%5Bx-plex-token=t', '/pms/library/sections'],
    ['http://pms.example:32400/y', '/pms/y'],
    ['//elsewhere.example/y', null],
    ['http://user@pms.example:32400/y', null]
  ] as const)
    t.equal(toLocalLocation(location, BASE, '/pms'), local, location)
})

t.test('rule 53: a Location costs no more time than its length', async (t) => {
  const startedAt = performance.now()
  const parameters = Array.from({ length: 50_000 }, (_, index) => `x-plex-${index}=`).join('&')
  t.equal(toLocalLocation(`/x?${parameters}&a=1`, BASE, '/pms'), '/pms/x?a=1')
  // In the square of the length it would be minutes.
  t.ok(performance.now() - startedAt < 20_000)
})
