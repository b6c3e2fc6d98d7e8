import { parseArgs } from 'node:util'
import { startControlServer } from './control-server.ts'
import { startSimulator } from './simulator.ts'

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    'plex-port': { type: 'string' },
    'pms-port': { type: 'string' },
    'pms2-port': { type: 'string' },
    'control-port': { type: 'string', default: '0' },
    vectors: { type: 'boolean', default: false },
    'until-stdin-ends': { type: 'boolean', default: false }
  }
})

/** Without one the simulator finds its own, to which nobody else comes while a service is down. */
const given = (name: 'plexPort' | 'pmsPort' | 'pms2Port', port: string | undefined) =>
  port === undefined || port === '0' ? {} : { [name]: Number(port) }

const simulator = await startSimulator({
  host: values.host,
  ...given('plexPort', values['plex-port']),
  ...given('pmsPort', values['pms-port']),
  ...given('pms2Port', values['pms2-port']),
  vectors: values.vectors
})
const control = await startControlServer(simulator, values.host, Number(values['control-port']))

const stop = (): void => {
  void Promise.all([simulator.close(), control.close()]).then(() => process.exit(0))
}
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
// The parent holds the other end, so this process ends with it, however it dies.
if (values['until-stdin-ends']) process.stdin.once('end', stop).resume()

// One line for the parent to read.
const { plexUrl, pmsUrl, pms2Url } = simulator
console.log(JSON.stringify({ plexUrl, pmsUrl, pms2Url, controlUrl: control.url, pid: process.pid }))
