import t from 'tap'
import { createInternalHostCheck, createPublicHostCheck } from '../../../src/domain/hosts.ts'

t.test('rule 50: the public listener answers to the host of its public URL in every spelling', async (t) => {
  const isOwn = createPublicHostCheck('https://usher.example')
  for (const host of ['usher.example', 'USHER.example', 'usher.example:443', 'Usher.Example:443'])
    t.ok(isOwn(host), host)
  for (const host of [
    '',
    'evil.example',
    'usher.example:80',
    'usher.example:8443',
    'usher.example.evil.example',
    'evil.example/usher.example',
    'usher.example@evil.example',
    'localhost',
    '127.0.0.1'
  ])
    t.notOk(isOwn(host), host)
  t.ok(createPublicHostCheck('http://usher.lan')('usher.lan:80'))
  t.ok(createPublicHostCheck('https://[2001:db8::1]')('[2001:DB8:0::1]:443'))
  t.ok(createPublicHostCheck('https://usher.example:8443')('usher.example:8443'))
  t.notOk(createPublicHostCheck('https://usher.example:8443')('usher.example'))
})

t.test('a loopback public URL answers under all loopback names and ports', async (t) => {
  const isOwn = createPublicHostCheck('http://localhost:8080')
  for (const host of ['localhost:8080', '127.0.0.1:9999', '[::1]:8080', 'LOCALHOST']) t.ok(isOwn(host), host)
  for (const host of ['localhost.evil.example', 'evil.example', '127.0.0.2']) t.notOk(isOwn(host), host)
})

t.test('rule 84: the internal listener answers only to IP addresses and private names', async (t) => {
  const isOwn = createInternalHostCheck(['usher.corp.example'])
  for (const host of [
    'localhost',
    'localhost:9090',
    '127.0.0.1:9090',
    '10.1.2.3',
    '[::1]:9090',
    '[fd00::7]',
    'usher',
    'usher:9090',
    'usher_internal:9090',
    'USHER',
    'usher.default.svc',
    'usher.default.svc:9090',
    'usher.default.svc.cluster.local:9090',
    'usher.default.svc.cluster.local.:9090',
    'host.docker.internal:9090',
    'usher.corp.example:9090',
    'USHER.corp.example'
  ])
    t.ok(isOwn(host), host)
  for (const host of [
    '',
    'rebound.example',
    'rebound.example:9090',
    '10.1.2.3.nip.io',
    'localhost.evil.example',
    'a.svc.evil.example',
    'cluster.local',
    'a.internal.evil.example',
    '.internal',
    'other.corp.example',
    'usher.corp.example.evil.example'
  ])
    t.notOk(isOwn(host), host)
})
