/** What JSON holds, of which tests look into every shape: TypeScript's own type of `JSON.parse`. */
export type Json = ReturnType<typeof JSON.parse>
