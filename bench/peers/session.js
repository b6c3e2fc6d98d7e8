// A session as large as a Plex sign-in makes it: account, server and two tokens, just under a kilobyte.
export const TOKEN = 'sim-own-tok-Bench001'

export const SESSION = {
  account: {
    id: 1,
    uuid: '4b1f2d3c5e6f7081',
    username: 'bench',
    title: 'Bench',
    email: 'bench@example.test',
    thumb: '/plex/users/4b1f2d3c5e6f7081/avatar'
  },
  role: 'owner',
  server: { name: 'Bench', machineIdentifier: '0123456789abcdef0123456789abcdef01234567' },
  accountToken: 'sim-acc-tok-Bench001',
  serverToken: TOKEN,
  clientIdentifier: '7d3f0a52-6a0c-4c55-9a0f-2f7b8c9d0e1f',
  signedInAt: 1_788_000_000_000,
  padding: 'x'.repeat(420)
}
