import { createHomeSignIns, type HomeSignIns, type HomeSignInsOptions } from './home-sign-ins.ts'
import {
  createPasswordSignIns,
  type PasswordSignIns,
  type PasswordSignInsOptions
} from './password-sign-ins.ts'
import { createPinSignIns, type PinSignIns, type PinSignInsOptions } from './pin-sign-ins.ts'

/** The ways to sign in, one for each method. Each of them ends in `startSession`. */
export interface SignIns {
  readonly password: PasswordSignIns
  readonly pin: PinSignIns
  readonly home: HomeSignIns
}

export type SignInsOptions = PasswordSignInsOptions & PinSignInsOptions & HomeSignInsOptions

export function createSignIns(options: SignInsOptions): SignIns {
  return {
    password: createPasswordSignIns(options),
    pin: createPinSignIns(options),
    home: createHomeSignIns(options)
  }
}
