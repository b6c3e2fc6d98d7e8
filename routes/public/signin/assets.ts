import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { TextKey } from './client/texts.ts'
import en from './languages/en.json' with { type: 'json' }
import { OLD_BROWSER } from './old-browser.ts'

export interface Asset {
  readonly type: string
  readonly body: Buffer
}

export interface Assets {
  /** Changes with any byte of any file, so URLs that contain it can be cached for ever. */
  readonly version: string
  find(name: string): Asset | undefined
  readonly scripts: readonly string[]
  /** The texts that the scripts of the sign-in page show: all problems and roles, and what they `say`. */
  readonly textKeys: readonly TextKey[]
}

// This file and the client's are .js when built, and .ts when run from the sources.
const EXTENSION = import.meta.url.slice(import.meta.url.lastIndexOf('.'))
const IS_BUILT = EXTENSION === '.js'

const SCRIPTS = [
  'app',
  'account',
  'api',
  'arrows',
  'dom',
  'link-code',
  'notice',
  'password',
  'pin-dialog',
  'plex-window',
  'poll',
  'profiles',
  'qr',
  'redirect',
  'say',
  'servers',
  'signed-in',
  'texts',
  'times',
  'window-word'
] as const

/** Scripts of the other pages, which the sign-in page does not load. */
const OTHER_SCRIPTS = ['live'] as const

const STYLES = [
  'tokens',
  'page',
  'controls',
  'panels',
  'code',
  'people',
  'lists',
  'television',
  'motion'
] as const

const SCRIPT = 'text/javascript; charset=utf-8'
const FONT = 'font/woff2'

/** Files of packages. The build copies them into `packages/` beside the page: looking for them takes 2 ms of a start. */
export const PACKAGE_FILES: Readonly<Record<string, { readonly type: string; readonly from: string }>> = {
  'uqr.js': { type: SCRIPT, from: 'uqr' },
  'figtree.woff2': {
    type: FONT,
    from: '@fontsource-variable/figtree/files/figtree-latin-wght-normal.woff2'
  },
  'figtree-ext.woff2': {
    type: FONT,
    from: '@fontsource-variable/figtree/files/figtree-latin-ext-wght-normal.woff2'
  },
  'instrument-serif.woff2': {
    type: FONT,
    from: '@fontsource/instrument-serif/files/instrument-serif-latin-400-normal.woff2'
  }
}

function textKeysOf(scripts: readonly string[]): readonly TextKey[] {
  const said = new Set(scripts.flatMap((source) => source.match(/(?<=')[a-z]+(?:[.-][a-z]+)*(?=')/g) ?? []))
  return (Object.keys(en) as TextKey[]).filter((key) => said.has(key) || /^(?:problem|role)\./.test(key))
}

function readLocal(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8')
}

/** A module as browsers load it: types stripped, and imports that are relative URLs. */
function readScript(name: string): string {
  const source = readLocal(`./client/${name}${EXTENSION}`)
  const script = IS_BUILT ? source.replace(/^\/\/# source.*$/m, '') : stripTypeScriptTypes(source)
  return script.replace(/(from '\.\/[a-z-]+)\.ts'/g, "$1.js'").replace("from 'uqr'", "from './uqr.js'")
}

function resolve(specifier: string): string {
  return fileURLToPath(import.meta.resolve(specifier))
}

/** Reads every file of the page once. Throws if one is missing, so an incomplete build does not start. */
export function loadAssets(): Assets {
  const files = new Map<string, Asset>()
  const add = (name: string, type: string, body: string | Buffer) => {
    files.set(name, { type, body: Buffer.from(body) })
  }

  for (const name of [...SCRIPTS, ...OTHER_SCRIPTS]) add(`${name}.js`, SCRIPT, readScript(name))
  add('old-browser.js', SCRIPT, OLD_BROWSER)
  add(
    'style.css',
    'text/css; charset=utf-8',
    STYLES.map((name) => readLocal(`./style/${name}.css`)).join('\n')
  )
  add('no-script.css', 'text/css; charset=utf-8', readLocal('./style/no-script.css'))
  add('icon.svg', 'image/svg+xml', readLocal('./style/icon.svg'))
  for (const [name, { type, from }] of Object.entries(PACKAGE_FILES)) {
    add(name, type, readFileSync(IS_BUILT ? new URL(`./packages/${name}`, import.meta.url) : resolve(from)))
  }

  const hash = createHash('sha256')
  for (const [name, { body }] of files) hash.update(name).update('\0').update(body)
  return {
    version: hash.digest('hex').slice(0, 16),
    find: (name) => files.get(name),
    scripts: [...SCRIPTS.map((name) => `${name}.js`), 'uqr.js'],
    textKeys: textKeysOf(SCRIPTS.map((name) => files.get(`${name}.js`)?.body.toString() ?? ''))
  }
}
