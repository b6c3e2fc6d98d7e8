/** What other programs of a site have set in the same browser, before and after. */
const BEFORE = '_ga=GA1.1.1839206617.1764201600; theme=dark; locale=de-DE'
const AFTER = '_ga_7QK2JX9M1V=GS2.1.s1764201600$o4$g1$t1764202211$j60$l0$h0; sidebar=collapsed'

/** The `Cookie` header of a browser that has these beside the contender's own. */
export function besideOthers(own: string): string {
  return `${BEFORE}; ${own}; ${AFTER}`
}

/** For contenders without a session: they have to read and drop a cookie of the usual size too. */
export const IDLE_COOKIE = besideOthers(`peer-session=${'A'.repeat(627)}`)
