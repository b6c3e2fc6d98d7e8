import t from 'tap'
import { addVary } from '../../../src/domain/vary.ts'

t.test('names are added behind what is there, each once', async (t) => {
  t.equal(addVary(undefined, 'Accept-Language'), 'Accept-Language')
  t.equal(addVary('Origin', 'Accept', 'Accept-Language'), 'Origin, Accept, Accept-Language')
  t.equal(addVary('Origin, accept', 'Accept'), 'Origin, accept')
  t.equal(
    addVary(['Origin', 'Cookie,, Accept-Encoding'], 'Accept'),
    'Origin, Cookie, Accept-Encoding, Accept'
  )
  t.equal(addVary(7, 'Accept'), 'Accept')
  t.equal(addVary('Accept-Language', 'Accept'), 'Accept-Language, Accept')
})
