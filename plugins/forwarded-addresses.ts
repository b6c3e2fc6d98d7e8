import fp from 'fastify-plugin'

/**
 * Takes the ports out of X-Forwarded-For, before anything reads an address from it. Some proxies write them (Azure's
 * and HAProxy's among them), and an address with a port is neither a trusted proxy's nor one that can be limited.
 */
export default fp(
  async (fastify) => {
    fastify.addHook('onRequest', (request, _reply, done) => {
      const { headers } = request.raw
      const forwarded = headers['x-forwarded-for']
      // Node joins repeated fields of this name.
      if (typeof forwarded === 'string' && forwarded.includes(':'))
        headers['x-forwarded-for'] = forwarded.split(',').map(withoutPort).join(',')
      done()
    })
  },
  { name: 'forwarded-addresses' }
)

function withoutPort(entry: string): string {
  const address = entry.trim()
  const [, bracketed, ipv4] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(address) ?? []
  return bracketed ?? ipv4 ?? address
}
