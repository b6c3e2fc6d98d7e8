import t from 'tap'
import { isTelevision } from '../../../src/domain/televisions.ts'

t.test('televisions, boxes and sticks are told from phones and computers', async (t) => {
  for (const [userAgent, expected] of [
    ['Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36 TV Safari/537.36', true],
    ['Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 Chrome/87.0 Safari/537.36 WebAppManager', true],
    ['Mozilla/5.0 (Linux; Android 9; AFTMM Build/PS7233) AppleWebKit/537.36 Silk/98.4', true],
    ['Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH2) AppleWebKit/537.36 Chrome/110.0', true],
    ['Mozilla/5.0 (X11; Linux armv7l) AppleWebKit/537.36 Chrome/90.0 Safari/537.36 CrKey/1.56', true],
    ['Roku/DVP-12.0 (12.0.0 build 4182-88)', true],
    [
      'Mozilla/5.0 (Linux; Tizen 2.3; SAMSUNG SM-Z130H) AppleWebKit/537.3 SamsungBrowser/1.0 Mobile Safari/537.3',
      false
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1',
      false
    ],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0', false],
    ['AFTER', false],
    ['', false]
  ] as const)
    t.equal(isTelevision(userAgent), expected, userAgent)
})

t.test('rule 53: a User-Agent costs no more time than its length', async (t) => {
  const startedAt = performance.now()
  t.notOk(isTelevision(`${'Tizen '.repeat(100_000)}Mobile`))
  t.ok(isTelevision(`${'Tizen Mobile '.repeat(100_000)}Tizen`))
  t.notOk(isTelevision(`${'Tizen'.repeat(100_000)}; ${'; AFT_'.repeat(100_000)}`))
  // In the square of the length it would be minutes.
  t.ok(performance.now() - startedAt < 20_000)
})
