export interface WatchState {
  viewCount: number
  /** Milliseconds. */
  viewOffset: number
  rating: number | null
  state: string | null
  /** The number of its last change, counted over all: two may fall into one millisecond. 0 before. */
  lastChange: number
}

/** What each account has watched, rated and is playing, on one server. */
export interface PlaybackState {
  of(accountId: number, ratingKey: string): WatchState
  noteChange(state: WatchState): void
  /** The streams that an account chose for a part; 0 for none. */
  chosen(accountId: number, partId: number): { audio: number; subtitles: number }
  /** What is reported as playing. */
  playing(): { readonly accountId: number; readonly ratingKey: string }[]
  readonly history: { accountId: number; ratingKey: string; viewedAt: number }[]
}

export function createPlaybackState(): PlaybackState {
  const states = new Map<string, WatchState>()
  let changes = 0
  const choices = new Map<string, { audio: number; subtitles: number }>()
  return {
    of: (accountId, ratingKey) => {
      const key = `${accountId} ${ratingKey}`
      const state = states.get(key) ?? {
        viewCount: 0,
        viewOffset: 0,
        rating: null,
        state: null,
        lastChange: 0
      }
      states.set(key, state)
      return state
    },
    noteChange: (state) => {
      changes += 1
      state.lastChange = changes
    },
    chosen: (accountId, partId) => {
      const key = `${accountId} ${partId}`
      const choice = choices.get(key) ?? { audio: 0, subtitles: 0 }
      choices.set(key, choice)
      return choice
    },
    playing: () =>
      [...states]
        .filter(([, { state }]) => state === 'playing')
        .map(([key]) => {
          const [accountId = '', ratingKey = ''] = key.split(' ')
          return { accountId: Number(accountId), ratingKey }
        }),
    history: []
  }
}
