import { readFile, writeFile } from 'node:fs/promises'
import { argv } from 'node:process'
import t from 'tap'
import type { ServerRole } from '../../../src/domain/roles.ts'
import { createPolicy, type Policy } from '../../../src/forward/policy.ts'
import { POLICY_TABLE } from '../../../src/forward/policy-table.ts'

// policy-paths.txt says what is open, apart from the table that opens it. Whoever reviews a change reads its diff.
// `node test/src/forward/policy-paths.test.ts write` writes it.
const FILE = new URL('policy-paths.txt', import.meta.url)
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']
const ROLES: readonly ServerRole[] = ['shared', 'home', 'owner']

const open = createPolicy({ ownerAdmin: true })
const closed = createPolicy({ ownerAdmin: false })

/** Every path that a pattern names, its alternatives one by one. */
function pathsOf(pattern: string): readonly string[] {
  let paths = ['']
  for (const segment of pattern.slice(1).split('/'))
    paths = paths.flatMap((path) => segment.split('|').map((name) => `${path}/${name}`))
  return paths
}

const sampleOf = (path: string, ids = '12', any = 'x', rest = 'a/b'): string =>
  path.replaceAll('{ids}', ids).replaceAll('{any}', any).replace('{rest}', rest)

/** A line for each way in which the methods of a path differ: least role, class, and what else limits it. */
function describe(path: string): readonly string[] {
  const methods = new Map<string, string[]>()
  const asked = sampleOf(path)
  for (const method of METHODS) {
    const least = ROLES.find((role) => open.find(method, asked, role) !== null)
    if (least === undefined) continue
    const rule = open.find(method, asked, least)
    const words = [
      least,
      rule?.class,
      closed.find(method, asked, 'owner') === null ? 'setting' : '',
      rule?.unsafe ? 'unsafe' : '',
      typeof rule?.parameters === 'object' ? rule.parameters.join(',') : (rule?.parameters ?? '')
    ]
    const said = words.filter((word) => word !== '').join(' ')
    methods.set(said, [...(methods.get(said) ?? []), method])
  }
  return [...methods].map(([said, names]) => `${path} ${names.join(',')} ${said}`)
}

const named = [...new Set(POLICY_TABLE.flatMap(({ pattern }) => pathsOf(pattern)))]
if (argv[2] === 'write') await writeFile(FILE, `${named.flatMap(describe).sort().join('\n')}\n`)
const lines = (await readFile(FILE, 'utf8')).trimEnd().split('\n')
const listed = [...new Set(lines.map((line) => line.split(' ')[0] ?? ''))]

t.test('rule 40: what is open, to which methods and roles, is what the list of paths says', async (t) => {
  t.strictSame([...listed.flatMap(describe)].sort(), [...lines].sort(), 'what is listed is open just so')
  t.strictSame(
    named.filter((path) => !listed.includes(path)),
    [],
    'no row opens a path that is not listed'
  )
})

interface Listed {
  readonly matches: RegExp
  readonly methods: readonly string[]
  readonly least: ServerRole
  readonly isAdmin: boolean
}

/** The list read a second way: each path as a regular expression. */
function readList(): readonly Listed[] {
  return lines.map((line) => {
    const [path = '', methods = '', least, , ...limits] = line.split(' ')
    const body = path
      .replaceAll('.', '\\.')
      .replaceAll('{ids}', '[0-9,]+')
      .replaceAll('{any}', '[^/]+')
      .replace('{rest}', '[^/]+(?:/[^/]+){0,4}')
    return {
      matches: new RegExp(`^${path === '/' ? '/' : `${body}/?`}$`),
      methods: methods.split(','),
      least: least as ServerRole,
      isAdmin: limits.includes('setting')
    }
  })
}

/** Paths like the listed ones: other ids and names, longer and shorter, in another case, with empty segments. */
function neighboursOf(path: string): readonly string[] {
  const asked = sampleOf(path)
  return [
    asked,
    ...['1,2', '0', '9', ',', '', 'y', '1x', 'x1', '/', ':', '1/2', '-'].map((ids) => sampleOf(path, ids)),
    ...['12', 'ü', '', '/', 'x/y'].map((any) => sampleOf(path, '12', any)),
    ...['a', 'a/b/c/d/e', 'a/b/c/d/e/', 'a/b/c/d/e/f', '', '/', 'a//b', 'a/b/', '/a', 'a/b//'].map((rest) =>
      sampleOf(path, '12', 'x', rest)
    ),
    `${asked}/`,
    `${asked}//`,
    `${asked}/y`,
    `${asked}y`,
    `/${asked}`,
    asked.slice(1),
    `x${asked.slice(1)}`,
    asked.toUpperCase(),
    asked.slice(0, asked.lastIndexOf('/')),
    asked.slice(0, asked.lastIndexOf('/') + 1)
  ]
}

t.test('rule 40: the paths beside those of the list are closed, unless it has them too', async (t) => {
  const list = readList()
  const wrong: string[] = []
  let tried = 0
  const compare = (policy: Policy, allowsAdmin: boolean, path: string): void => {
    const opening = list.filter(({ matches, isAdmin }) => matches.test(path) && (allowsAdmin || !isAdmin))
    for (const method of METHODS) {
      for (const role of ROLES) {
        const isOpen = opening.some(
          ({ methods, least }) => methods.includes(method) && ROLES.indexOf(role) >= ROLES.indexOf(least)
        )
        tried += 1
        if ((policy.find(method, path, role) !== null) !== isOpen) wrong.push(`${method} ${path} ${role}`)
      }
    }
  }
  for (const path of new Set(listed.flatMap(neighboursOf))) {
    compare(open, true, path)
    compare(closed, false, path)
  }
  t.strictSame(wrong, [])
  t.ok(tried > 50_000, `${tried} tried`)
})
