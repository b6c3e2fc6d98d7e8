import type { PinClaims } from '../session/sign-in/pin-sign-ins.ts'
import { type Counters, createLocalCounters } from './counters.ts'
import type { State } from './state.ts'

/** Longer than any PIN stays readable at plex.tv. */
const KEPT_MS = 60 * 60_000

/** Which PINs became a session, counted by the deployment's counters: the first count wins. */
export function createPinClaims(state: Pick<State, 'kind' | 'createCounters'>, now: () => number): PinClaims {
  const counters = state.createCounters?.() ?? inProcess(now)
  const name = (pinId: number) => `pin_claim ${pinId}`
  return {
    isTaken: async (pinId) => (await counters.read(name(pinId), KEPT_MS)).current > 0,
    take: async (pinId) => (await counters.add(name(pinId), KEPT_MS)).current === 1,
    isShared: state.kind === 'redis'
  }
}

function inProcess(now: () => number): Counters {
  const local = createLocalCounters(now)
  return {
    add: async (key, windowMs) => local.add(key, windowMs),
    read: async (key) => local.read(key)
  }
}
