import t from 'tap'
import { isFieldValue } from '../../../src/domain/field-value.ts'

t.test(
  'a value has visible characters, white space and bytes above ASCII, and never ends its line',
  async (t) => {
    for (let code = 0; code < 0x200; code++) {
      const allowed = /[\t\x20-\x7e\x80-\xff]/.test(String.fromCharCode(code))
      for (const place of ['', 'a', 'a value ']) {
        t.equal(
          isFieldValue(`${place}${String.fromCharCode(code)}`),
          allowed,
          `${place}U+${code.toString(16)}`
        )
        t.equal(isFieldValue(`${String.fromCharCode(code)}${place}`), allowed)
      }
    }
    t.equal(isFieldValue(''), true)
    t.equal(isFieldValue('漢'), false)
  }
)
