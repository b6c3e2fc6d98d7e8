// Loaded into each Usher of a soak before its own code: steps its clock, and tells its memory and its handles.
const real = Date.now
let offset = 0
Date.now = () => real() + offset

process.on('message', (message: { readonly stepMs?: number; readonly ask?: number }) => {
  if (message.stepMs !== undefined) offset = message.stepMs
  if (message.ask === undefined) return
  // Twice: what only a finaliser frees is gone after the second.
  globalThis.gc?.()
  globalThis.gc?.()
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
  process.send?.({ answer: message.ask, rss, heapUsed, external, arrayBuffers })
})
// Messages must not keep a process alive that has stopped.
process.channel?.unref()
