import t from 'tap'
import { describeDevice } from '../../../src/people/device.ts'
import { networkOf } from '../../../src/people/network.ts'

t.test('a device is told by its browser and system, and its kind', async (t) => {
  for (const [userAgent, name, kind] of [
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0',
      'Firefox on Windows',
      'desktop'
    ],
    [
      'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
      'Chrome on Android',
      'phone'
    ],
    [
      'Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
      'tablet'
    ],
    [
      'Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) 94.0.4606.31/7.0 TV Safari/537.36',
      'Tizen',
      'tv'
    ],
    [
      'Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36',
      null,
      'tv'
    ],
    ['curl/8.5.0', null, 'other'],
    ['', '', 'other'],
    ['\u0000'.repeat(5000), null, 'other']
  ] as const) {
    const device = describeDevice(userAgent)
    t.equal(device.kind, kind, userAgent.slice(0, 60))
    if (name !== null) t.equal(device.name, name)
    t.ok(device.name.length <= 100)
  }
})

t.test('an address is told by its network alone', async (t) => {
  for (const [address, network] of [
    ['203.0.113.9', '203.0.113.0/24'],
    ['::ffff:203.0.113.9', '203.0.113.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['2001:DB8:0:A::1', '2001:db8:0:a::/64'],
    ['not an address', '']
  ] as const)
    t.equal(networkOf(address), network)
})
