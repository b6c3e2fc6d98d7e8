/** A Vary field with further names; a name that it has is not repeated (RFC 9110 §12.5.5). */
export function addVary(vary: unknown, ...names: readonly string[]): string {
  const known = [vary].flat().flatMap((field) => (typeof field === 'string' ? field.split(',') : []))
  const all = [...known.map((name) => name.trim()).filter((name) => name !== ''), ...names]
  const lower = all.map((name) => name.toLowerCase())
  return all.filter((_, index) => lower.indexOf(lower[index] ?? '') === index).join(', ')
}
