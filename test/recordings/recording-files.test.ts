import type { AppError } from '../../src/lib/errors';
import { RecordingFiles } from '../../src/recordings/recording-files';
import { TestClock } from '../support/test-clock';
import { scratchFolder } from './support/probed';

const HOUR_MS = 3_600_000;
const folder = scratchFolder();

const tooLarge = (): AppError => {
  throw new Error('nothing here is large');
};

describe('what is removed for its age', () => {
  it.each([
    ['behind', '2001-01-01'],
    ['ahead of', '2041-01-01'],
  ])('is judged by the clock that made it, also where that is %s the machine', async (_where, date) => {
    const clock = new TestClock(Date.parse(date));
    const files = new RecordingFiles(folder.path, clock);
    const { name } = await files.write([Buffer.from('spoken')], 100, tooLarge);
    const adopted = await files.adopt(files.pathOf(name));
    await files.removeOlderThan(clock.now() - HOUR_MS);
    expect([await files.has(name), await files.has(adopted)]).toEqual([true, true]);
    clock.advance(HOUR_MS + 1);
    await files.removeOlderThan(clock.now() - HOUR_MS);
    expect([await files.has(name), await files.has(adopted)]).toEqual([false, false]);
  });
});
