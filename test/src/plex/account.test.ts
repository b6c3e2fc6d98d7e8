import t from 'tap'
import { avatarPath, toAccount, toSignedIn } from '../../../src/plex/account.ts'
import { toAccountDocument } from '../../../src/plex/account-document.ts'
import { parseAnswer } from '../../../src/plex/answer.ts'
import { toHomeUserList } from '../../../src/plex/home-user.ts'
import { toPin } from '../../../src/plex/pin.ts'
import { isServer, type Resource, roleFor, toResourceList } from '../../../src/plex/resources.ts'
import { isSource, toSource } from '../../../src/plex/source.ts'

const INVALID = { code: 'USHER_UPSTREAM_INVALID' }
const UUID = '212acf24b07315e5'

const RAW = {
  id: 13692262,
  uuid: UUID,
  username: 'simuser',
  title: 'Sim User',
  email: 'sim@example.com',
  confirmed: true,
  thumb: `https://plex.tv/users/${UUID}/avatar?c=1630875354`,
  restricted: false,
  home: true,
  homeAdmin: true,
  twoFactorEnabled: true
}

const ACCOUNT = { ...RAW, thumb: `/users/${UUID}/avatar?c=1630875354` }

function fromXml(xml: string): unknown {
  return parseAnswer({ contentType: 'application/xml', body: Buffer.from(xml) })
}

t.test('the account is the same from JSON, legacy JSON and XML', async (t) => {
  t.strictSame(toAccount(RAW), ACCOUNT)
  t.strictSame(toAccount({ user: RAW }), ACCOUNT)
  const xml = `<user id="13692262" uuid="${UUID}" username="simuser" title="Sim User" email="sim@example.com" confirmed="1"
    thumb="https://plex.tv/users/${UUID}/avatar?c=1630875354" restricted="0" home="1" homeAdmin="true" twoFactorEnabled="1"/>`
  t.strictSame(toAccount(fromXml(xml)), ACCOUNT)
})

t.test('nulls, missing fields and unknown ones are taken as they come', async (t) => {
  const bare = toAccount({
    id: '7',
    uuid: UUID.toUpperCase(),
    username: null,
    email: null,
    title: 'Kid',
    news: [{}]
  })
  t.strictSame(bare, {
    id: 7,
    uuid: UUID,
    username: '',
    title: 'Kid',
    email: '',
    confirmed: false,
    thumb: avatarPath(UUID),
    restricted: false,
    home: false,
    homeAdmin: false,
    twoFactorEnabled: false
  })
  t.equal(toAccount({ ...RAW, title: undefined }).title, 'simuser')
  t.equal(toAccount({ ...RAW, confirmed: 0 }).confirmed, false)
  t.equal(toAccount({ ...RAW, email: null }).confirmed, false, 'no address, nothing confirmed')
})

t.test('an account without a usable id and uuid is not understood', async (t) => {
  const ids = [undefined, null, 0, -1, 1.5, '', 'abc', '1e3', 2 ** 53, true, {}]
  for (const id of ids) t.throws(() => toAccount({ ...RAW, id }), INVALID, String(id))
  const uuids = [undefined, null, '', 'x', '../../etc', `${UUID}\r\n`, 7, 'a'.repeat(65)]
  for (const uuid of uuids) t.throws(() => toAccount({ ...RAW, uuid }), INVALID, String(uuid))
  for (const data of [[], 'text', null, {}]) t.throws(() => toAccount(data), INVALID)
})

t.test('names are cut between two characters, so that a session fits its cookie', async (t) => {
  const { title, username } = toAccount({ ...RAW, title: '😀'.repeat(60), username: 'é'.repeat(150) })
  t.equal(title, '😀'.repeat(50))
  t.equal(username, 'é'.repeat(100))
  t.equal(toAccount({ ...RAW, title: `x${'😀'.repeat(60)}` }).title, `x${'😀'.repeat(49)}`)
  t.equal(toAccount({ ...RAW, email: `${'a'.repeat(250)}@b.c` }).email.length, 254)
  t.equal(
    toAccount({ ...RAW, email: `${'a'.repeat(251)}@b.c` }).email,
    '',
    'half an address is another address'
  )
})

t.test('rule 48: no control character of a name survives', async (t) => {
  const { title, username } = toAccount({
    ...RAW,
    title: 'a\r\nX-Evil: 1\u0000\u2028',
    username: '\u0085b\ud800'
  })
  t.equal(title, 'aX-Evil: 1')
  t.equal(username, 'b\ufffd')
})

t.test('a picture is a path of plex.tv, whatever address was given', async (t) => {
  for (const thumb of ['https://evil.example/x.png', 'javascript:alert(1)', '', null, '?c=1"onload=x']) {
    t.equal(toAccount({ ...RAW, thumb }).thumb, `/users/${UUID}/avatar`)
  }
})

t.test('a sign-in without a usable token is not understood', async (t) => {
  t.strictSame(toSignedIn({ ...RAW, authToken: 'sim-usr-tok-00000001' }), {
    account: ACCOUNT,
    token: 'sim-usr-tok-00000001'
  })
  for (const authToken of [undefined, null, '', 'a b', 'a\r\nb', 'é', 'x'.repeat(2049)]) {
    t.throws(() => toSignedIn({ ...RAW, authToken }), INVALID, String(authToken))
  }
})

t.test('rule 56: the account document is an allow-list', async (t) => {
  const secret = 'sim-svc-tok-Ab1Cd2Ef'
  const document = toAccountDocument({
    ...RAW,
    authToken: secret,
    pin: secret,
    friendlyName: 'Simmy',
    joinedAt: 1339124759,
    entitlements: ['all', 'ios', { token: secret }],
    roles: ['plexpass'],
    services: [{ identifier: 'x', token: secret, secret }],
    subscription: { active: true, status: 'Active', plan: 'lifetime', features: ['home'], token: secret },
    profile: {
      autoSelectAudio: true,
      defaultAudioLanguage: 'en',
      defaultAudioLanguages: ['en', 'sv'],
      token: secret
    },
    providers: [{ token: secret }],
    settings: [{ value: secret }],
    somethingNew: { deep: [secret] }
  })
  t.notMatch(JSON.stringify(document), secret)
  t.match(document, {
    ...ACCOUNT,
    friendlyName: 'Simmy',
    joinedAt: 1339124759,
    entitlements: ['all', 'ios'],
    roles: ['plexpass'],
    subscription: { active: true, status: 'Active', plan: 'lifetime', features: ['home'] },
    profile: { autoSelectAudio: true, defaultAudioLanguage: 'en', defaultAudioLanguages: ['en', 'sv'] }
  })
})

t.test('the account document is the same from XML', async (t) => {
  const xml = `<user id="13692262" uuid="${UUID}" title="x" authToken="sim-usr-tok-00000001" locale="" homeSize="3">
    <subscription active="1" status="Active" plan="lifetime"><features><feature id="home"/><feature id="x"/></features></subscription>
    <profile autoSelectAudio="0" defaultAudioLanguages="en, sv" autoSelectSubtitle="1"/>
    <entitlements><entitlement id="all"/></entitlements><roles><role id="plexpass"/></roles></user>`
  t.match(toAccountDocument(fromXml(xml)), {
    id: 13692262,
    locale: null,
    homeSize: 3,
    subscription: { active: true, features: ['home', 'x'] },
    profile: { autoSelectAudio: false, defaultAudioLanguages: ['en', 'sv'], autoSelectSubtitle: 1 },
    entitlements: ['all'],
    roles: ['plexpass']
  })
})

t.test('languages arrive as a list, a text, null or not at all', async (t) => {
  const languages = (value: unknown) =>
    toAccountDocument({ ...RAW, profile: { defaultSubtitleLanguages: value } })['profile']
  t.match(languages(['en', 'sv', 7]), { defaultSubtitleLanguages: ['en', 'sv'] })
  t.match(languages('en,sv'), { defaultSubtitleLanguages: ['en', 'sv'] })
  for (const none of [null, undefined, '']) t.match(languages(none), { defaultSubtitleLanguages: [] })
})

const BOX = {
  name: 'Box',
  product: 'Plex Media Server',
  clientIdentifier: 'c997cf82c4158cb986ccc0e8f829a6f5d5086a63',
  provides: 'server',
  accessToken: 'sim-srv-tok-00000001',
  owned: true,
  home: false,
  presence: true,
  httpsRequired: false,
  sourceTitle: null,
  connections: [
    {
      protocol: 'https',
      address: '10.0.0.2',
      port: 32400,
      uri: 'https://10-0-0-2.aa.plex.direct:32400',
      local: true,
      relay: false,
      IPv6: false
    }
  ]
}

t.test('resources are the same from JSON, XML and the legacy XML', async (t) => {
  const [box] = toResourceList([BOX]).resources
  t.match(box, {
    machineIdentifier: BOX.clientIdentifier,
    provides: ['server'],
    connections: [{ uri: 'https://10-0-0-2.aa.plex.direct:32400', local: true, relay: false, ipv6: false }]
  })
  const attributes = `name="Box" product="Plex Media Server" clientIdentifier="${BOX.clientIdentifier}" provides="server"
    accessToken="sim-srv-tok-00000001" owned="1" home="0" presence="1" httpsRequired="0" sourceTitle=""`
  const connection = (tag: string) =>
    `<${tag} protocol="https" address="10.0.0.2" port="32400" uri="https://10-0-0-2.aa.plex.direct:32400" local="1"/>`
  const xml = `<resources><resource ${attributes}><connections>${connection('connection')}</connections></resource></resources>`
  t.strictSame(toResourceList(fromXml(xml)), { resources: [box], isWhole: true })
  const legacy = `<MediaContainer size="1"><Device ${attributes}>${connection('Connection')}</Device></MediaContainer>`
  t.strictSame(toResourceList(fromXml(legacy)).resources, [box])
})

t.test('unusable resources and connections are left out, not an error', async (t) => {
  const uris = ['ftp://x', 'https://user:pw@x:1', 'https://x/path', 'https://x/?q', 'not a url', 7, undefined]
  const connections = uris.map((uri) => ({ ...BOX.connections[0], uri }))
  const [box, ...others] = toResourceList([
    { ...BOX, connections },
    { ...BOX, clientIdentifier: '../x' },
    null,
    'x'
  ]).resources
  t.strictSame(others, [])
  t.equal(toResourceList([BOX, null]).isWhole, false, 'and the list says that it is not whole')
  t.strictSame(box?.connections, [])
  t.strictSame(toResourceList([]), { resources: [], isWhole: true })
  t.strictSame(toResourceList(fromXml('<resources/>')).resources, [])
  for (const data of [{}, { errors: [] }, null]) t.throws(() => toResourceList(data), INVALID)
})

t.test('only a Plex Media Server is a server, and roles come from plex.tv alone', async (t) => {
  const resource = (changes: object): Resource => {
    const [found] = toResourceList([{ ...BOX, ...changes }]).resources
    if (!found) throw new Error('no resource')
    return found
  }
  t.ok(isServer(resource({ provides: 'client,server' })))
  t.notOk(isServer(resource({ provides: 'client,player' })))
  t.notOk(isServer(resource({ product: 'Plex Web' })))
  t.equal(resource({ accessToken: null }).accessToken, null)
  t.equal(resource({ accessToken: 'a\nb' }).accessToken, null)
  const person = { restricted: false }
  t.equal(roleFor(resource({}), person), 'owner')
  t.equal(roleFor(resource({}), { restricted: true }), 'home')
  t.equal(roleFor(resource({ owned: false, home: true }), person), 'home')
  t.equal(roleFor(resource({ owned: false }), person), 'shared')
})

t.test('a PIN lives as long as plex.tv says is left, at most 15 minutes', async (t) => {
  const pin = { id: 564964751, code: '7RQZ', expiresIn: 876, authToken: null }
  t.strictSame(toPin(pin, 1000), { id: 564964751, code: '7RQZ', expiresAt: 877_000, token: null })
  t.equal(toPin({ ...pin, expiresIn: 1800 }, 0).expiresAt, 900_000)
  t.equal(toPin({ ...pin, expiresIn: -3 }, 5).expiresAt, 5)
  t.equal(toPin(fromXml('<pin id="1" code="7RQZ" expiresIn="60" authToken="abc"/>'), 0).token, 'abc')
  for (const change of [{ id: 0 }, { id: 'x' }, { code: 'a b' }, { code: null }, { expiresIn: null }]) {
    t.throws(() => toPin({ ...pin, ...change }, 0), INVALID)
  }
})

t.test('Home users are the same from JSON and XML, null names included', async (t) => {
  const kid = {
    id: 23456,
    uuid: '88fad7ef5d91c202',
    title: 'Kid',
    username: null,
    restricted: true,
    protected: true
  }
  const { users, isWhole } = toHomeUserList({ id: 1, users: [kid, { title: 'no id' }, null] })
  t.equal(isWhole, false)
  const [user] = users
  const homeUsers = (data: unknown) => toHomeUserList(data).users
  t.strictSame(user, {
    id: 23456,
    uuid: '88fad7ef5d91c202',
    title: 'Kid',
    username: '',
    thumb: '/users/88fad7ef5d91c202/avatar',
    admin: false,
    guest: false,
    restricted: true,
    protected: true,
    hasPassword: false
  })
  const attributes = 'id="23456" uuid="88fad7ef5d91c202" title="Kid" username="" restricted="1" protected="1"'
  t.strictSame(homeUsers(fromXml(`<home id="1"><users><user ${attributes}/></users></home>`)), [user])
  t.strictSame(homeUsers(fromXml(`<MediaContainer size="1"><User ${attributes}/></MediaContainer>`)), [user])
  t.strictSame(homeUsers({ users: [] }), [])
  t.throws(() => toHomeUserList({ errors: [] }), INVALID)
})

t.test('rule 42: a source is server:// or provider:// and an identifier, nothing else', async (t) => {
  for (const source of ['server://243b471948ace337', 'provider://tv.plex.provider-x_1'])
    t.ok(isSource(source))
  const refused = [
    '',
    'server://',
    'server://x@evil',
    'server://x/y',
    'server://x?y',
    'SERVER://x',
    'http://x',
    'server://x\r\n',
    'server://x\u0000',
    ' server://x',
    `server://${'a'.repeat(129)}`,
    `server://${'a'.repeat(10_000)}`
  ]
  for (const source of refused) t.notOk(isSource(source), source.slice(0, 40))
})

t.test(
  'a source is read from an object, a list of one and XML; an empty container is not found',
  async (t) => {
    const device = {
      name: 'Den',
      clientIdentifier: '243b47',
      accessToken: 'transient-fa75f159-b9d2-42b6-8fbd-1761c7a4195a',
      Connection: [
        {
          protocol: 'https',
          address: '10.0.2.123',
          uri: 'https://10-0-2-123.aa.plex.direct:32400',
          port: 32400,
          local: true
        }
      ]
    }
    const expected = toSource('server://243b47', { MediaContainer: { Device: device } })
    t.match(expected, {
      name: 'Den',
      clientIdentifier: '243b47',
      connections: [{ local: true, relay: false }]
    })
    t.strictSame(toSource('server://243b47', { MediaContainer: { Device: [device] } }), expected)
    const [only] = device.Connection
    t.strictSame(
      toSource('server://243b47', { MediaContainer: { Device: { ...device, Connection: only } } }),
      expected
    )
    const xml = `<MediaContainer size="1"><Device name="Den" clientIdentifier="243b47" accessToken="${device.accessToken}">
    <Connection protocol="https" address="10.0.2.123" uri="https://10-0-2-123.aa.plex.direct:32400" port="32400" local="1" relay="0"/>
    </Device></MediaContainer>`
    t.strictSame(toSource('server://243b47', fromXml(xml)), expected)
    t.throws(() => toSource('server://x', { MediaContainer: { size: 0 } }), { code: 'USHER_NOT_FOUND' })
    t.throws(() => toSource('server://x', fromXml('<MediaContainer size="0"></MediaContainer>')), {
      code: 'USHER_NOT_FOUND'
    })
    t.throws(() => toSource('server://x', {}), INVALID)
    t.throws(() => toSource('server://x', { MediaContainer: { Device: {} } }), INVALID)
  }
)
