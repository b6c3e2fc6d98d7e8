import { everyValue, type Store, StoreAway } from '../store/store.ts'
import type { SealedJson } from './sealed-json.ts'

export interface Block {
  readonly accountId: number
  readonly username: string
  readonly title: string
  readonly at: number
}

/** The accounts that the owner does not let in, on every instance. */
export interface Blocks {
  /** Asks the store; while that is away, what was last known here decides. */
  has(accountId: number): Promise<boolean>
  /** Reads them all, so that they hold while the store is away. */
  all(): Promise<readonly Block[]>
  set(block: Block): Promise<void>
  lift(accountId: number): Promise<void>
}

/** Until it is lifted: longer than anybody keeps a deployment. */
const LASTS_MS = 100 * 365 * 86_400_000

export interface BlocksOptions {
  readonly store: Store
  readonly sealed: SealedJson
  readonly now: () => number
}

export function createBlocks({ store, sealed, now }: BlocksOptions): Blocks {
  let known: ReadonlyMap<number, Block> = new Map()

  function remember(accountId: number, block: Block | null): void {
    if ((block !== null) === known.has(accountId)) return
    const next = new Map(known)
    if (block === null) next.delete(accountId)
    else next.set(accountId, block)
    known = next
  }

  /** `before`: only in place of this value. */
  async function put(block: Block, before?: string): Promise<void> {
    const { accountId, at } = block
    const value = sealed.write(block)
    const record = {
      kind: 'block',
      key: String(accountId),
      value,
      expiresAt: now() + LASTS_MS,
      at: -at
    } as const
    const { kind, key } = record
    await store.commit({
      put: [record],
      ...(before !== undefined && { when: [{ kind, key, value: before }] })
    })
  }

  async function load(): Promise<void> {
    const blocks = new Map<number, Block>()
    for await (const text of everyValue(store, 'block')) {
      const block = sealed.read<Block>(text)
      if (block === null) continue
      // It holds for years, and so outlives keys. Somebody may lift it at this moment.
      if (!block.isNewest) await put(block.value, text)
      blocks.set(block.value.accountId, block.value)
    }
    known = blocks
  }

  return {
    async has(accountId) {
      try {
        const value = await store.get({ kind: 'block', key: String(accountId) })
        // One that no key opens any more still blocks.
        const block =
          value === null ? null : (sealed.read<Block>(value)?.value ?? known.get(accountId) ?? null)
        if (value === null || block !== null) remember(accountId, block)
        return value !== null
      } catch (error) {
        if (error instanceof StoreAway) return known.has(accountId)
        throw error
      }
    },
    async all() {
      await load()
      return [...known.values()]
    },
    async set(block) {
      await put(block)
      remember(block.accountId, block)
    },
    async lift(accountId) {
      await store.commit({ remove: [{ kind: 'block', key: String(accountId) }] })
      remember(accountId, null)
    }
  }
}
