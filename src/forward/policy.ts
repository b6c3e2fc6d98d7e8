import { hasRole, type ServerRole } from '../domain/roles.ts'
import { POLICY_TABLE, type Rule } from './policy-table.ts'

export interface Policy {
  /**
   * The rule that allows a method and decoded path for a role; null denies, which is the default. One trailing slash
   * is ignored, and HEAD follows the rule of GET.
   */
  find(method: string, path: string, role: ServerRole): Rule | null
}

interface Node {
  readonly literals: Map<string, Node>
  ids: Node | null
  any: Node | null
  rest: Rule | null
  rule: Rule | null
}

// .../session/<id>/<stream>/<file>, deeper paths of DASH, and one to spare.
const REST_MAX_SEGMENTS = 5

const createNode = (): Node => ({ literals: new Map(), ids: null, any: null, rest: null, rule: null })

/** Compiles the table into one segment tree per method; administrative rows only if the setting allows them. */
export function createPolicy(options: {
  readonly ownerAdmin: boolean
  readonly table?: readonly Rule[]
}): Policy {
  const roots = new Map<string, Node>()
  for (const rule of options.table ?? POLICY_TABLE) {
    if (rule.admin === true && !options.ownerAdmin) continue
    for (const method of rule.methods) {
      let root = roots.get(method)
      if (root === undefined) {
        root = createNode()
        roots.set(method, root)
      }
      addPattern(root, rule)
    }
  }
  return {
    find(method, path, role) {
      const root = roots.get(method === 'HEAD' ? 'GET' : method)
      if (root === undefined || path.charCodeAt(0) !== 0x2f) return null
      const end = path.length > 1 && path.charCodeAt(path.length - 1) === 0x2f ? path.length - 1 : path.length
      const rule = path.length === 1 ? root.rule : walk(root, path, 1, end)
      return rule !== null && hasRole(role, rule.least) ? rule : null
    }
  }
}

function addPattern(root: Node, rule: Rule): void {
  let nodes: readonly Node[] = [root]
  for (const segment of rule.pattern.slice(1).split('/')) {
    if (segment === '') continue
    if (segment === '{rest}') {
      for (const node of nodes) node.rest = rule
      return
    }
    nodes = nodes.flatMap((node) => segment.split('|').map((name) => child(node, name)))
  }
  for (const node of nodes) node.rule = rule
}

function child(node: Node, name: string): Node {
  if (name === '{ids}') {
    node.ids ??= createNode()
    return node.ids
  }
  if (name === '{any}') {
    node.any ??= createNode()
    return node.any
  }
  let next = node.literals.get(name)
  if (next === undefined) {
    next = createNode()
    node.literals.set(name, next)
  }
  return next
}

function walk(node: Node, path: string, start: number, end: number): Rule | null {
  const slash = path.indexOf('/', start)
  const stop = slash === -1 || slash >= end ? end : slash
  if (stop === start) return null
  const segment = path.slice(start, stop)
  const literal = node.literals.get(segment)
  if (literal !== undefined) {
    const rule = stop === end ? literal.rule : walk(literal, path, stop + 1, end)
    if (rule !== null) return rule
  }
  if (node.ids !== null && isIds(segment)) {
    const rule = stop === end ? node.ids.rule : walk(node.ids, path, stop + 1, end)
    if (rule !== null) return rule
  }
  if (node.any !== null) {
    const rule = stop === end ? node.any.rule : walk(node.any, path, stop + 1, end)
    if (rule !== null) return rule
  }
  return node.rest !== null && isRest(path, start, end) ? node.rest : null
}

function isIds(segment: string): boolean {
  for (let i = 0; i < segment.length; i++) {
    const code = segment.charCodeAt(i)
    if ((code < 0x30 || code > 0x39) && code !== 0x2c) return false
  }
  return true
}

function isRest(path: string, start: number, end: number): boolean {
  let segments = 1
  for (let i = start; i < end; i++) {
    if (path.charCodeAt(i) !== 0x2f) continue
    segments++
    if (i + 1 === end || path.charCodeAt(i + 1) === 0x2f) return false
  }
  return segments <= REST_MAX_SEGMENTS
}
