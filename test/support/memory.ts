import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Memory in use after a collection. What was released outside the heap is swept a moment later, so ask with `until`. */
export function memoryInUse(): NodeJS.MemoryUsage {
  collectGarbage()
  return process.memoryUsage()
}

/** Bytes in use, in the heap and outside. */
export function bytesInUse(): number {
  const { heapUsed, external } = memoryInUse()
  return heapUsed + external
}
