import { createCanary } from '../test/support/canary.ts'
import type { Memory } from './instance.ts'

export interface Violation {
  readonly rule: string
  readonly what: string
  readonly atMs: number
}

export interface Sample {
  readonly atMs: number
  readonly instance: string
  readonly memory: Memory
}

/** Everything that a soak has seen. */
export interface Book {
  /** What must never be. */
  violation(rule: string, what: string): void
  /** One act of a person, and how it ended. */
  act(name: string, result: 'done' | 'away'): void
  /** Text that left Usher: no token may be in it. */
  text(where: string, text: string): void
  /** Turns what was found in texts into violations. */
  lookForTokens(): void
  bytes(count: number): void
  line(message: string): void
  trouble(name: string, fromMs: number, toMs: number): void
  sample(instance: string, memory: Memory): void
  readonly elapsedMs: number
  readonly violations: readonly Violation[]
  readonly acts: ReadonlyMap<string, { done: number; away: number }>
  readonly lines: ReadonlyMap<string, number>
  readonly troubles: readonly { readonly name: string; readonly fromMs: number; readonly toMs: number }[]
  readonly samples: readonly Sample[]
  readonly received: number
}

export function createBook(): Book {
  const begin = performance.now()
  const canary = createCanary()
  const leaks = new Set<string>()
  const violations: Violation[] = []
  const acts = new Map<string, { done: number; away: number }>()
  const lines = new Map<string, number>()
  const troubles: { name: string; fromMs: number; toMs: number }[] = []
  const samples: Sample[] = []
  let received = 0
  const elapsed = () => performance.now() - begin

  return {
    violation(rule, what) {
      violations.push({ rule, what, atMs: elapsed() })
    },
    act(name, result) {
      const counts = acts.get(name) ?? { done: 0, away: 0 }
      counts[result] += 1
      acts.set(name, counts)
    },
    text: (where, text) => canary.watchText(where, text),
    lookForTokens() {
      for (const leak of canary.leaks()) {
        if (leaks.has(leak)) continue
        leaks.add(leak)
        violations.push({ rule: 'a token left Usher', what: leak, atMs: elapsed() })
      }
    },
    bytes(count) {
      received += count
    },
    line: (message) => void lines.set(message, (lines.get(message) ?? 0) + 1),
    trouble: (name, fromMs, toMs) => void troubles.push({ name, fromMs, toMs }),
    sample: (instance, memory) => void samples.push({ atMs: elapsed(), instance, memory }),
    get elapsedMs() {
      return elapsed()
    },
    violations,
    acts,
    lines,
    troubles,
    samples,
    get received() {
      return received
    }
  }
}
