import fc from 'fast-check'

/**
 * fast-check with the same cases in each run: a run fails because of what was changed, never because of a new case.
 * USHER_TEST_SEED is another seed (a number), to look for cases that fail.
 */
fc.configureGlobal({ seed: Number(process.env['USHER_TEST_SEED'] ?? 20_261_128) })

export { fc }
