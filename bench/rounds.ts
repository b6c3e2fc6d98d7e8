/** The items, starting with a different one each round, so that none always follows the same other. */
export function rotated<T>(items: readonly T[], round: number): T[] {
  const first = items.length === 0 ? 0 : round % items.length
  return [...items.slice(first), ...items.slice(0, first)]
}

export interface Budget {
  /** Whether that many seconds are left. */
  allows(seconds: number): boolean
  /** Whether it has refused. */
  readonly ranOut: boolean
}

export function createBudget(budgetMs: number, now: () => number = () => performance.now()): Budget {
  const end = now() + budgetMs
  let ranOut = false
  return {
    allows(seconds) {
      const fits = now() + seconds * 1000 <= end
      ranOut ||= !fits
      return fits
    },
    get ranOut() {
      return ranOut
    }
  }
}

export interface Rounds<T extends { readonly id: string }, S> {
  readonly items: readonly T[]
  readonly rounds: number
  readonly seconds: number
  readonly budget: Budget
  measure(item: T, round: number): Promise<S>
}

export type Samples<S> = Readonly<Record<string, readonly S[]>>

/** Measures every item once per round, in rotated order. Stops before a round that would exceed the budget. */
export async function measureRounds<T extends { readonly id: string }, S>(
  options: Rounds<T, S>
): Promise<Samples<S>> {
  const { items, rounds, seconds, budget, measure } = options
  const samples: Record<string, S[]> = Object.fromEntries(items.map(({ id }) => [id, []]))
  for (let round = 0; round < rounds; round++) {
    if (!budget.allows(seconds * items.length)) break
    for (const item of rotated(items, round)) samples[item.id]?.push(await measure(item, round))
  }
  return samples
}
