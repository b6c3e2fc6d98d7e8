import { fill, findWords, type TextKey, type Values, type Words } from './texts.ts'

/** A text that the server wrote into the page, in the language of the page. */
function findText(key: string): string | undefined {
  const texts = document.getElementById('texts')
  if (!(texts instanceof HTMLTemplateElement)) return undefined
  return texts.content.querySelector(`[data-key="${CSS.escape(key)}"]`)?.textContent ?? undefined
}

/** A text of the page; throws if page and script do not match. */
export function say(key: TextKey, values: Values = {}): string {
  const text = findText(key)
  if (text === undefined) throw new Error(`no text ${key}`)
  return fill(text, values)
}

/** The words for a code; an unknown code counts as a defect of Usher. */
export function wordsFor(code: string): Words {
  return (
    findWords(code, findText) ?? {
      what: say('problem.USHER_INTERNAL.what'),
      todo: say('problem.USHER_INTERNAL.todo')
    }
  )
}

/** The language of the page, for times and numbers. */
export function pageLanguage(): string {
  const { lang } = document.documentElement
  return lang === 'en' ? 'en-GB' : lang
}
