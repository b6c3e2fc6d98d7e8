/** Subtitles as WebVTT, which is all that browsers show. A server may send the file as it is in spite of `format=vtt`. */
export function toWebVtt(text: string): string {
  const lines = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n')
  if (lines.startsWith('WEBVTT')) return lines
  return `WEBVTT\n\n${/^\[(?:Script Info|V4\+? Styles)\]/im.test(lines) ? fromAss(lines) : fromSrt(lines)}`
}

const fromSrt = (text: string): string => text.replace(/(\d\d:\d\d:\d\d),(\d{3})/g, '$1.$2')

/** Start, end and text of each line of dialogue; fonts, places and colours are left out. */
function fromAss(text: string): string {
  const cues = text.matchAll(/^Dialogue:[^,]*,([^,]+),([^,]+),(?:[^,]*,){6}(.*)$/gm)
  const time = (value: string): string => `0${value.trim()}0`
  return [...cues]
    .map(([, start = '', end = '', words = '']) => {
      const plain = words
        .replace(/\{[^}]*\}/g, '')
        .replace(/\\[Nn]/g, '\n')
        .replaceAll('\\h', ' ')
      return `${time(start)} --> ${time(end)}\n${plain}\n`
    })
    .join('\n')
}
