// An Usher alone in a process, so that its memory can be measured without that of test, client and upstream.

import { startUsher } from '../../../../src/app/usher.ts'
import { loadConfig } from '../../../../src/config/config.ts'
import { createLogger } from '../../../../src/observe/logger.ts'

const usher = await startUsher({
  config: loadConfig(process.env),
  output: createLogger({ level: 'silent' }),
  processMetrics: false
})
process.on('message', (message) => {
  if (message === 'stop') void usher.stop(0).then(() => process.exit())
  else process.send?.({ rss: process.memoryUsage().rss })
})
process.send?.({ url: usher.publicUrl })
