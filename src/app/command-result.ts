export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export function printed(stdout: string): CommandResult {
  return { exitCode: 0, stdout, stderr: '' }
}

/** For an unknown command; nothing was done. */
export function failed(words: string): CommandResult {
  return { exitCode: 2, stdout: '', stderr: `${words}\n` }
}
