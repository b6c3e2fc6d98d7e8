export interface WatchState {
  viewCount: number
  /** Milliseconds. */
  viewOffset: number
  rating: number | null
  state: string | null
}

/** What each account has watched, rated and is playing, on one server. */
export interface PlaybackState {
  of(accountId: number, ratingKey: string): WatchState
  readonly history: { accountId: number; ratingKey: string; viewedAt: number }[]
}

export function createPlaybackState(): PlaybackState {
  const states = new Map<string, WatchState>()
  return {
    of: (accountId, ratingKey) => {
      const key = `${accountId} ${ratingKey}`
      const state = states.get(key) ?? { viewCount: 0, viewOffset: 0, rating: null, state: null }
      states.set(key, state)
      return state
    },
    history: []
  }
}
