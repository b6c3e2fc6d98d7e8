/** What a path below the media server says of the item that it plays; null where it says nothing. */
export function titleOf(path: string): string | null {
  const file = /\/library\/parts\/\d+\/\d+\/([^/?]+)/.exec(path)?.[1]
  if (file === undefined) return null
  const name = decode(file).replace(/\.[A-Za-z0-9]{1,5}$/, '')
  // The name that the media server gives to every part.
  return name === '' || name === 'file' ? null : name.slice(0, 200)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text).replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
  } catch {
    return text
  }
}
