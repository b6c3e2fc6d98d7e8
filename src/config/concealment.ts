import { inspect } from 'node:util'

/**
 * Makes an object show `view` wherever it is printed: `console.log`, `JSON.stringify`, a logger. The secrets stay
 * readable as properties and never by accident.
 */
export function conceal<T extends object>(object: T, view: object): T {
  const hidden = { value: () => view, enumerable: false }
  return Object.defineProperties(object, { toJSON: hidden, [inspect.custom]: hidden })
}
