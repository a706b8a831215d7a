import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FileBytes } from '../../src/recordings/probe/file-bytes';
import { probeRecording } from '../../src/recordings/probe/probe-recording';
import { buildWav } from '../providers/audio/support/wav';
import { scratchFolder } from './support/probed';

const folder = scratchFolder();
afterAll(() => folder.remove());
const file = path.join(folder.path, 'file');

it('holds no more of a file than its window, however large the file is', async () => {
  const wav = Buffer.from(buildWav(new Uint8Array(2), { sampleRate: 48_000, dataLength: 99 * 1_048_576 }));
  writeFileSync(file, wav);
  // The rest is a hole: there, and nowhere in memory.
  truncateSync(file, 44 + 99 * 1_048_576);
  const bytes = await FileBytes.open(file);
  for (let at = 0; at + 16 <= bytes.size; at += 1_048_576) {
    expect(await bytes.load(at, 16)).toBe(true);
    expect(bytes.bytes.length).toBeLessThanOrEqual(131_072);
  }
  await bytes.close();
  expect(await probeRecording(file)).toEqual({ format: 'WAV', durationMs: Math.ceil((99 * 1_048_576) / 96) });
});

it('says no to what lies beyond the end, and reads numbers of both byte orders', async () => {
  writeFileSync(file, Buffer.from('0002030405060708', 'hex'));
  const bytes = await FileBytes.open(file);
  expect([await bytes.load(4, 5), await bytes.load(-1, 2), await bytes.load(9, 0)]).toEqual([false, false, false]);
  expect(await bytes.load(0, 8)).toBe(true);
  expect([bytes.uint8(7), bytes.uint16(0), bytes.uint24(1), bytes.uint32(4), bytes.uint64(0)]).toEqual([
    8, 0x0002, 0x020304, 0x05060708, 0x0002030405060708,
  ]);
  expect([bytes.uint16le(0), bytes.uint32le(4)]).toEqual([0x0200, 0x08070605]);
  await bytes.close();
});
