/** What an address below the media server says of the item that it plays. */
export interface PlayedItem {
  readonly title: string | null
  /** `item 1001`, `part 221638` or `transcode ID`: the media server knows its title. Null where nothing names it. */
  readonly item: string | null
}

export function playedItem(path: string): PlayedItem {
  const part = /^\/library\/parts\/(\d{1,12})\/\d+\/([^/?]+)/.exec(path)
  if (part?.[2] !== undefined) {
    const name = decode(part[2]).replace(/\.[A-Za-z0-9]{1,5}$/, '')
    // `file` is the name that the media server gives to every part.
    return { title: name === '' || name === 'file' ? null : name.slice(0, 200), item: `part ${part[1]}` }
  }
  const [, transcode] = /^\/\w+\/:\/transcode\/universal\/(?:session|dash)\/([\w-]{1,100})/.exec(path) ?? []
  if (transcode !== undefined) return { title: null, item: `transcode ${transcode}` }
  const [, asked] = /^\/\w+\/:\/transcode\/universal\/start[^?]*\?(?:[^#]*&)?path=([^&#]*)/.exec(path) ?? []
  const [, id] = /\/library\/metadata\/(\d{1,12})(?:$|[/?])/.exec(decode(asked ?? '')) ?? []
  return { title: null, item: id === undefined ? null : `item ${id}` }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text).replace(/[\u0000-\u001f\u007f-\u009f]/g, '')
  } catch {
    return text
  }
}
