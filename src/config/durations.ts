import { Invalid, type Parse } from './setting.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `20s`, `15m`, `12h` or `30d`, above zero and at most `limit` (in the same notation), in milliseconds. */
export function durationUpTo(limit: string): Parse<number> {
  const most = milliseconds(limit)
  return (text) => {
    const value = milliseconds(text)
    if (value === null) throw new Invalid('must be a duration such as 20s, 15m, 12h or 30d')
    if (value === 0) throw new Invalid('must be longer than nothing')
    if (most !== null && value > most) throw new Invalid(`must be at most ${limit}`)
    return value
  }
}

function milliseconds(text: string): number | null {
  const [, digits, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const factor = UNITS[unit ?? '']
  return digits === undefined || factor === undefined ? null : Number(digits) * factor
}
