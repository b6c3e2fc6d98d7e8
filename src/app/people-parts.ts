import { randomBytes } from 'node:crypto'
import { type Blocks, createBlocks } from '../people/blocks.ts'
import { createPeople, type People } from '../people/people.ts'
import { createRegister, type Register } from '../people/register.ts'
import { createSealedJson } from '../people/sealed-json.ts'
import { createTitleLookup } from '../people/title-lookup.ts'
import type { Core } from './core.ts'

export type PeoplePartsOptions = Pick<Core, 'config' | 'state' | 'seal' | 'live' | 'revocations'> &
  Pick<Core, 'sessionEnds' | 'audit' | 'mediaServer' | 'now'>

/** Revocations may arrive by the thousand. */
const SETTLE_MS = 100

/** The parts that know who is signed in. */
export function createPeopleParts(options: PeoplePartsOptions): {
  readonly people: People
  readonly register: Register
  readonly blocks: Blocks
} {
  const { store } = options.state
  const sealed = createSealedJson(options.seal)
  const register = createRegister({
    ...options,
    store,
    sealed,
    instance: randomBytes(6).toString('base64url')
  })
  const blocks = createBlocks({ store, sealed, now: options.now })
  // Another instance that blocks an account ends its sessions too: that is when to read the blocks again.
  let isDue = false
  options.revocations.listen(({ kind }) => {
    if (kind !== 'account' || isDue) return
    isDue = true
    const timer = setTimeout(() => {
      isDue = false
      blocks.all().catch(() => undefined)
    }, SETTLE_MS)
    timer.unref()
  })
  const titles = createTitleLookup(options)
  return { people: createPeople({ ...options, store, sealed, register, blocks, titles }), register, blocks }
}
