import { cpus, release } from 'node:os'
import packageJson from '../package.json' with { type: 'json' }
import type { Book } from './book.ts'
import { growthOf } from './memory.ts'
import type { Options } from './options.ts'

export interface ReportOptions {
  readonly options: Options
  readonly book: Book
  readonly startedAt: Date
}

export function verdictOf(book: Book): { readonly isGood: boolean; readonly words: string } {
  const count = book.violations.length
  const acts = [...book.acts.values()].reduce((sum, { done, away }) => sum + done + away, 0)
  return {
    isGood: count === 0,
    words: `${acts} acts, ${book.troubles.length} troubles, ${count === 0 ? 'nothing that must not be' : `${count} violations`}`
  }
}

export function toMarkdown({ options, book, startedAt }: ReportOptions): string {
  const { minutes, seed, people } = options
  const ran = book.elapsedMs / 60_000
  const command = `npm run soak -- --minutes ${minutes} --seed ${seed}${people === 14 ? '' : ` --people ${people}`}`
  return `# Soak

${TEXT}

## The last run

\`${command}\`, on ${startedAt.toISOString().slice(0, 10)}, Usher ${packageJson.version}, Node ${process.version.slice(1)}, Linux ${release()},
${cpus().length} cores that it shared with other work. It ran for **${ran.toFixed(1)} minutes** in all, ${minutes} of them with troubles:
${verdictOf(book).words}.

![Memory and troubles over time](soak.svg)

### What people did

| act | done | not possible for the moment |
| --- | --- | --- |
${rows([...book.acts].sort(([a], [b]) => a.localeCompare(b)).map(([name, { done, away }]) => [name, done, away]))}

${(book.received / 1e6).toFixed(0)} MB were received, and compared where they can be told.

### What went wrong, on purpose

| trouble | times | seconds in all |
| --- | --- | --- |
${rows(troublesOf(book))}

### What Usher logged as a warning

| line | times |
| --- | --- |
${rows([...book.lines].sort(([, a], [, b]) => b - a))}

### Memory

Heap after a collection, in MB: the middle of what was measured early, after a warm-up of a quarter, and at the end.

| instance | early | at the end | |
| --- | --- | --- | --- |
${rows(memoryOf(book))}

### What must not be

${violationsOf(book)}
`
}

const TEXT = `\`npm run soak\` lets people and apps use three instances of Usher for as long as you like, while one thing after another goes
wrong: two instances share Redis, one keeps its state in a directory. A seed decides who does what and which trouble comes
when, so a run can be repeated, up to the timing of the machine. \`soak/\` holds the code; a test runs it for some twenty
seconds, and CI for two minutes.

**People** sign in by password, verification code and link code, look around, fetch parts of films, hold event streams, enter
an app by OpenID Connect, use and renew its tokens, and sign out. Each request goes to any instance that is up.

**Troubles**: plex.tv or the media server is away, refuses, hangs, is slow, answers garbage, half or too slowly; Redis is
killed, or frozen; an instance gets SIGTERM and is started again, or SIGHUP; its clock is stepped by up to 40 seconds; the
state directory cannot grow. One at a time, each followed by a pause.

**All the time** it is checked that no byte is somebody else's (accounts by id, films byte by byte), no token is in a response
or a log line, no outage signs anybody out, nothing is refused while all is well, no answer takes a minute (a film that its server left half-way may), nothing is logged
as a defect, and no process ends by itself. **At the end** nobody has lost a session, each app was told of each sign-out, the
queues are empty, no token is left alive at plex.tv, every process stops with 0, and the heap of the instance that ran through
has not grown.`

function rows(lines: readonly (readonly (string | number)[])[]): string {
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}

function troublesOf(book: Book): (string | number)[][] {
  const names = [...new Set(book.troubles.map(({ name }) => name))].sort()
  return names.map((name) => {
    const all = book.troubles.filter((each) => each.name === name)
    const seconds = all.reduce((sum, { fromMs, toMs }) => sum + (toMs - fromMs) / 1000, 0)
    return [name, all.length, seconds.toFixed(0)]
  })
}

function memoryOf(book: Book): (string | number)[][] {
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
  return [...new Set(book.samples.map(({ instance }) => instance))].map((instance) => {
    const growth = growthOf(instance, book.samples)
    if (growth === null) return [instance, '–', '–', 'too short to tell']
    const words = instance === 'one' ? (growth.isFlat ? 'flat' : '**grows**') : 'started anew in between'
    return [instance, megabytes(growth.before), megabytes(growth.after), words]
  })
}

function violationsOf(book: Book): string {
  if (book.violations.length === 0) return 'Nothing of the kind was seen.'
  const lines = book.violations
    .slice(0, 40)
    .map(({ rule, what, atMs }) => [
      (atMs / 1000).toFixed(0),
      rule,
      what.replaceAll('|', '\\|').replaceAll('\n', ' ').slice(0, 200)
    ])
  return `| second | rule | what |\n| --- | --- | --- |\n${rows(lines)}`
}
