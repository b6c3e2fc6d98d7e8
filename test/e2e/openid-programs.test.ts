import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { requireProgram, skipWithout } from '../support/programs.ts'
import { until } from '../support/until.ts'
import { FRIEND, OWNER } from '../support/usher.ts'
import { createVisitor } from '../support/visitor.ts'
import { reserveParty, SECRET, startProvider } from './support/relying-party.ts'

const MODULES = '/usr/lib/apache2/modules'
/** Debian's own, where its packages are; another Python may stand before it in PATH. */
const PYTHON = '/usr/bin/python3'

function skipWithoutApache(): string | false {
  const skip = skipWithout('apache2')
  if (skip !== false || existsSync(join(MODULES, 'mod_auth_openidc.so'))) return skip
  return missing('libapache2-mod-auth-openidc')
}

function skipWithoutAuthlib(): string | false {
  const { status } = spawnSync(PYTHON, ['-c', 'import authlib, flask, requests'])
  return status === 0 ? false : missing('python3-authlib, python3-flask and python3-requests')
}

function missing(name: string): string {
  const reason = `${name} not installed`
  if (process.env['USHER_TEST_REQUIRE'] === 'all') throw new Error(reason)
  return reason
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

async function answers(url: string, output: () => string): Promise<void> {
  try {
    await until(
      async () =>
        (await createVisitor()
          .ask(url)
          .catch(() => null)) !== null,
      `${url} answers`
    )
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${output()}`)
  }
}

function startApache(t: Test, port: number, rules: string): { readonly log: () => string } {
  // Below /tmp: Apache's workers are another user, who cannot read a test's own folder.
  const folder = mkdtempSync(join(tmpdir(), 'usher-apache-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'htdocs'))
  writeFileSync(join(folder, 'htdocs', 'film.html'), 'the film')
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'auth_openidc']
  const conf = `
ServerRoot ${folder}
ServerName localhost
Listen ${port}
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
ErrorLog ${folder}/error.log
LogLevel warn
${modules.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
User www-data
Group www-data
DocumentRoot ${folder}/htdocs
${rules}
`
  writeFileSync(join(folder, 'apache.conf'), conf)
  const child = spawn(requireProgram('apache2'), ['-f', join(folder, 'apache.conf'), '-DFOREGROUND'], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
  t.teardown(async () => {
    child.kill('SIGTERM')
    await Promise.race([once(child, 'exit'), new Promise((resolve) => setTimeout(resolve, 3000))])
    await end(child)
    rmSync(folder, { recursive: true, force: true })
  })
  const log = () =>
    output + (existsSync(join(folder, 'error.log')) ? readFileSync(join(folder, 'error.log'), 'utf8') : '')
  return { log }
}

t.test(
  'Apache with mod_auth_openidc: groups decide, and a withdrawn share is out within the re-check',
  { skip: skipWithoutApache() },
  async (t) => {
    const party = await reserveParty()
    const { usher, issuer, signIn } = await startProvider(
      t,
      { redirectUris: [`${party.url}/oidc`], backchannelLogoutUri: `${party.url}/oidc?logout=backchannel` },
      { USHER_RECHECK: '2s' }
    )
    const { log } = startApache(
      t,
      party.port,
      `
OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration
OIDCClientID party
OIDCClientSecret ${SECRET}
OIDCRedirectURI ${party.url}/oidc
OIDCCryptoPassphrase a-passphrase-of-the-module-0123456789
OIDCScope "openid profile email groups"
OIDCPKCEMethod S256
OIDCRemoteUserClaim preferred_username
<Location />
  AuthType openid-connect
  Require claim groups:shared
</Location>
<Location /oidc>
  AuthType openid-connect
  Require valid-user
</Location>`
    )
    await answers(`${party.url}/film.html`, log)
    const friend = await signIn(FRIEND)
    const seen = await friend.go(`${party.url}/film.html`)
    t.equal(seen.text, 'the film', `${seen.status} ${seen.way.join(' → ')}\n${log()}`)
    t.equal((await friend.ask(`${party.url}/film.html`)).status, 200)
    const owner = await signIn(OWNER)
    t.equal((await owner.go(`${party.url}/film.html`)).status, 401, 'the owner is not of the group shared')
    const { machineIdentifier } = usher.simulator.shares
      .list()
      .find(({ account }) => account === 'friend') ?? {
      machineIdentifier: ''
    }
    t.ok(usher.simulator.shares.remove('friend', machineIdentifier), 'the share is withdrawn')
    await until(
      async () => (await friend.ask(`${party.url}/film.html`)).status === 302,
      'Apache sends the friend to sign in again'
    )
  }
)

const FLASK = `
import sys
from flask import Flask, jsonify
from authlib.integrations.flask_client import OAuth
issuer, port, secret = sys.argv[1:4]
app = Flask(__name__)
app.secret_key = 'x' * 32
oauth = OAuth(app)
oauth.register('plex', client_id='party', client_secret=secret,
  server_metadata_url=issuer + '/.well-known/openid-configuration',
  client_kwargs={'scope': 'openid profile email groups', 'code_challenge_method': 'S256'})

@app.route('/login')
def login():
  return oauth.plex.authorize_redirect('http://localhost:' + port + '/callback')

@app.route('/callback')
def callback():
  token = oauth.plex.authorize_access_token()
  return jsonify(claims=token['userinfo'], info=oauth.plex.userinfo(token=token))

app.run(host='localhost', port=int(port))
`

t.test(
  'Authlib in Flask: discovery, PKCE, the ID token and userinfo',
  { skip: skipWithoutAuthlib() },
  async (t) => {
    const party = await reserveParty()
    const { issuer, signIn } = await startProvider(t, { redirectUris: [`${party.url}/callback`] })
    const script = join(t.testdir({ 'app.py': FLASK }), 'app.py')
    const child = spawn(PYTHON, [script, issuer, String(party.port), SECRET], {
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
    t.teardown(() => end(child))
    await answers(`${party.url}/nothing`, () => output)
    const me = await (await signIn(OWNER)).go(`${party.url}/login`)
    t.equal(me.status, 200, `${me.text.slice(0, 300)} ${output}`)
    const { claims, info } = JSON.parse(me.text)
    t.match(claims, { preferred_username: 'simuser', email_verified: true })
    t.strictSame(info.groups, claims.groups)
  }
)
