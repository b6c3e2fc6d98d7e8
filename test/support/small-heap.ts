import { Worker } from 'node:worker_threads'

/**
 * Runs a function of a module, with one text, where so many megabytes are there: 'done', or why not. A peak within one
 * synchronous call cannot be seen otherwise.
 */
export async function inSmallHeap(
  megabytes: number,
  call: { readonly module: URL; readonly name: string; readonly text: string; readonly times: number }
): Promise<string> {
  const code = `
    const { workerData: { module, name, text, times } } = require('node:worker_threads')
    import(module).then((found) => found[name](text.repeat(times)))
  `
  const { promise, resolve } = Promise.withResolvers<string>()
  new Worker(code, {
    eval: true,
    env: {},
    execArgv: [],
    workerData: { ...call, module: call.module.href },
    resourceLimits: { maxOldGenerationSizeMb: megabytes, maxYoungGenerationSizeMb: 8 }
  })
    .on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    .on('exit', () => resolve('done'))
  return promise
}
