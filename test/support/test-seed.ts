/**
 * The seed of what a test file draws at random: a new one for each run, or TEST_SEED, which has an earlier run again as
 * far as its processes and networks allow. It is printed, as a test that hangs tells nothing else.
 */
export const TEST_SEED = process.env.TEST_SEED ? Number(process.env.TEST_SEED) : Math.floor(Math.random() * 2 ** 32);

export const printSeed = (): void => void process.stderr.write(`TEST_SEED=${TEST_SEED}\n`);
