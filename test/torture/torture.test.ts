import { describeOnPostgres } from '../support/database';
import { migratedTemplate } from '../support/embedded-template';
import { createScratchDatabase } from '../support/scratch-database';
import { printSeed, TEST_SEED } from '../support/test-seed';
import { runTorture, type TortureReport } from '../support/torture/torture';

const KILLS = 10;
const TIMEOUT_MS = 300_000;

beforeAll(printSeed);

const expectIntact = (report: TortureReport): void => {
  expect(report.findings).toEqual([]);
  expect(report.kills).toBe(KILLS);
  // Kills that meet nobody prove nothing.
  expect(report.answers).toBeGreaterThan(KILLS);
  expect(report.lost).toBeGreaterThan(0);
  expect(report.unknown).toBeGreaterThan(0);
};

const TITLE =
  'keeps every answer that was given, charges nothing twice and leaves no hold, over kills at random moments under load';

describe('a server that is killed, on the embedded engine', () => {
  it(
    TITLE,
    async () => {
      expectIntact(
        await runTorture({
          kills: KILLS,
          seed: TEST_SEED,
          databaseUrl: null,
          clusterTemplate: await migratedTemplate(),
        }),
      );
    },
    TIMEOUT_MS,
  );
});

describeOnPostgres('a server that is killed, on PostgreSQL', () => {
  it(
    TITLE,
    async () => {
      const database = await createScratchDatabase();
      try {
        expectIntact(await runTorture({ kills: KILLS, seed: TEST_SEED, databaseUrl: database.url }));
      } finally {
        await database.drop();
      }
    },
    TIMEOUT_MS,
  );
});
