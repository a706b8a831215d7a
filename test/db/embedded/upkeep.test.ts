import { cpSync } from 'node:fs';
import path from 'node:path';
import { startChild } from '../../support/child';
import { CLUSTER_TEMPLATE, newDirectory, openTestEmbedded, removeDirectories } from '../../support/embedded';

let figures: { before: number; after: number; sizes: number[] };

beforeAll(async () => {
  // Makes the template when this is the first test of all.
  await (await openTestEmbedded(newDirectory())).close();
  const directory = path.join(newDirectory(), 'postgres');
  cpSync(CLUSTER_TEMPLATE, directory, { recursive: true });
  figures = JSON.parse(await startChild(require.resolve('./upkeep-child.ts'), [directory]).nextLine());
});

afterAll(removeDirectories);

test('what a crash would have to replay stays bounded', () => {
  expect(figures.before).toBeGreaterThan(16 * 1024 * 1024);
  expect(figures.after).toBeLessThan(1024 * 1024);
});

test('a table that is updated for ever stops growing, whatever its name', () => {
  const { sizes } = figures;
  expect(Math.max(...sizes.slice(3))).toBeLessThanOrEqual(sizes[2]!);
});
