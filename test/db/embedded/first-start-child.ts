import { openEmbedded } from '../../../src/db/embedded/open-embedded';
import { systemClock } from '../../../src/lib/clock';
import { silentLog } from '../../support/embedded';

/** The first start of a newcomer, without a template. */
async function main(): Promise<void> {
  process.stdout.write('starting\n');
  await openEmbedded({ dataDirectory: process.argv[2]!, log: silentLog, clock: systemClock });
  process.stdout.write('started\n');
}

void main();
