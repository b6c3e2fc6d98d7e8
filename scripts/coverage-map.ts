// tap asks which sources a test file's coverage counts for: null for none, [] for all that it loads. Counting costs a
// quarter of a test's processor time, so it is left to the tests that mirror the code: the floors are for them to hold.
const MIRRORS = /^test\/(?:src|plugins|routes)\/|^test\/troubleshooting\.test\.ts$/

export default (file: string): string[] | null => (MIRRORS.test(file) ? [] : null)
