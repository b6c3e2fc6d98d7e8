import { inspect } from 'node:util'

/**
 * Makes an object print as `view` in `console.log`, `JSON.stringify` and loggers. Its properties stay readable, so that
 * a secret is only printed on purpose.
 */
export function conceal<T extends object>(object: T, view: object): T {
  const hidden = { value: () => view, enumerable: false }
  return Object.defineProperties(object, { toJSON: hidden, [inspect.custom]: hidden })
}
