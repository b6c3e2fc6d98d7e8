/** How long everything takes. wrk counts whole seconds, so no slice is shorter than one. */
export interface Schedule {
  readonly budgetMs: number
  readonly warmSeconds: number
  readonly small: Slice
  readonly large: Slice
  readonly single: Slice
  /** 1 MB and 20 MB of text. */
  readonly texts: Slice
  readonly misses: Slice
  readonly partRounds: number
  readonly starts: number
  readonly fairness: Slice
  /** Whose texts are measured. */
  readonly readers: readonly string[]
  /** Whose memory is measured; about ten seconds each. */
  readonly memory: readonly string[]
}

export interface Slice {
  readonly rounds: number
  readonly seconds: number
}

export const FULL: Schedule = {
  budgetMs: 540_000,
  warmSeconds: 3,
  small: { rounds: 7, seconds: 1 },
  large: { rounds: 4, seconds: 1 },
  single: { rounds: 3, seconds: 1 },
  texts: { rounds: 2, seconds: 1 },
  misses: { rounds: 3, seconds: 2 },
  partRounds: 4,
  fairness: { rounds: 2, seconds: 2 },
  starts: 9,
  readers: ['nginx', 'usher', 'bare', 'usher-compressing', 'nginx-gzip'],
  memory: ['nginx', 'usher', 'usher-undici', 'bare', 'fastify']
}

export const QUICK: Schedule = {
  budgetMs: 60_000,
  warmSeconds: 1,
  small: { rounds: 1, seconds: 1 },
  large: { rounds: 1, seconds: 1 },
  single: { rounds: 1, seconds: 1 },
  texts: { rounds: 1, seconds: 1 },
  misses: { rounds: 1, seconds: 1 },
  partRounds: 1,
  fairness: { rounds: 1, seconds: 1 },
  starts: 3,
  readers: ['nginx', 'usher'],
  memory: ['usher']
}
