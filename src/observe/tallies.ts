import { Counter, type Metric, type Registry } from 'prom-client'

export interface TallyOptions<L extends string> {
  readonly name: string
  readonly help: string
  readonly labelNames: readonly L[]
  readonly registry: Registry
}

type Labels<L extends string> = Readonly<Record<L, string | number>>

/** A counter with labels. */
export interface Tally<L extends string> {
  inc(labels: Labels<L>): void
}

/** A histogram of seconds with labels. */
export interface Timing<L extends string> {
  observe(labels: Labels<L>, seconds: number): void
}

/**
 * A counter for events of every request. prom-client builds and hashes a string of labels for each increment, which
 * costs more than everything else about a metric. Here increments are handed to it once per scrape.
 */
export function createTally<L extends string>({ registry, ...options }: TallyOptions<L>): Tally<L> {
  const cells = createCells(options.labelNames, () => ({ count: 0 }))
  new Counter({
    ...options,
    registers: [registry],
    collect() {
      for (const { labels, cell } of cells.all) {
        if (cell.count > 0) this.inc(labels, cell.count)
        cell.count = 0
      }
    }
  })
  return {
    inc(labels) {
      cells.of(labels).count += 1
    }
  }
}

/** The same for a histogram; `buckets` are upper bounds in seconds, ascending. */
export function createTiming<L extends string>(
  options: TallyOptions<L> & { readonly buckets: readonly number[] }
): Timing<L> {
  const { name, help, buckets, registry } = options
  const cells = createCells(options.labelNames, () => ({
    counts: buckets.map(() => 0),
    count: 0,
    sum: 0
  }))

  function values() {
    return cells.all.flatMap(({ labels, cell }) => {
      let below = 0
      return [
        ...buckets.map((le, i) => {
          below += cell.counts[i] ?? 0
          return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below }
        }),
        { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: cell.count },
        { metricName: `${name}_sum`, labels, value: cell.sum },
        { metricName: `${name}_count`, labels, value: cell.count }
      ]
    })
  }

  // The part of a metric that a registry uses; its type names prom-client's own classes.
  const metric = {
    name,
    help,
    type: 'histogram',
    labelNames: options.labelNames,
    aggregator: 'sum',
    get: async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: values() })
  }
  registry.registerMetric(metric as unknown as Metric)
  return {
    observe(labels, seconds) {
      const cell = cells.of(labels)
      cell.count += 1
      cell.sum += seconds
      for (let i = 0; i < buckets.length; i++) {
        if (seconds > (buckets[i] as number)) continue
        cell.counts[i] = (cell.counts[i] as number) + 1
        return
      }
    }
  }
}

interface Cells<L extends string, C> {
  /** The cell for these label values. */
  of(labels: Labels<L>): C
  readonly all: readonly { readonly labels: Labels<L>; readonly cell: C }[]
}

/** Nested maps, one per label. Bounded, because labels come from closed lists. */
function createCells<L extends string, C>(names: readonly L[], create: () => C): Cells<L, C> {
  const root = new Map<unknown, unknown>()
  const all: { readonly labels: Labels<L>; readonly cell: C }[] = []
  const last = names.length - 1
  return {
    all,
    of(labels) {
      let node = root
      for (let i = 0; i < last; i++) {
        const value = labels[names[i] as L]
        let next = node.get(value) as Map<unknown, unknown> | undefined
        if (next === undefined) {
          next = new Map()
          node.set(value, next)
        }
        node = next
      }
      const value = labels[names[last] as L]
      let cell = node.get(value) as C | undefined
      if (cell === undefined) {
        cell = create()
        node.set(value, cell)
        all.push({ labels: { ...labels }, cell })
      }
      return cell
    }
  }
}
