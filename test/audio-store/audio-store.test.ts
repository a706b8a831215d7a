import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { AudioStore } from '../../src/audio-store/audio-store';
import { LiveAudio } from '../../src/audio-store/live-audio';
import { newId } from '../../src/lib/ids';

const DESCRIPTION = { format: 'PCM', contentType: 'audio/pcm', sampleRate: 24_000, channels: 1 } as const;
let directory: string;
let store: AudioStore;
const faults: Error[] = [];
beforeAll(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-audio-'));
  store = new AudioStore(directory, (error) => faults.push(error));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => expect(faults).toEqual([]));

function live(eager: boolean): LiveAudio {
  const id = newId();
  return new LiveAudio(id, DESCRIPTION, store.create(id, eager));
}

async function heard(audio: LiveAudio, after = 0): Promise<{ sequence: number; bytes: Buffer }[]> {
  const chunks = [];
  for await (const { sequence, bytes } of audio.chunks(after)) chunks.push({ sequence, bytes: Buffer.from(bytes) });
  return chunks;
}

async function stored(id: string): Promise<Buffer> {
  const found = await store.find(id);
  const parts: Buffer[] = [];
  for await (const part of found!.stream()) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

describe.each([
  ['written as it comes', true],
  ['written whole', false],
])('audio %s', (_name, eager) => {
  it('is the same for every listener, wherever it begins, and in the file', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 200_000 }), { minLength: 1, maxLength: 12 }),
        fc.nat(12),
        async (chunks, after) => {
          const audio = live(eager);
          const early = heard(audio);
          for (const chunk of chunks) await audio.append(Buffer.from(chunk));
          const late = heard(audio, Math.min(after, chunks.length));
          audio.finish();
          const expected = chunks.map((bytes, index) => ({ sequence: index + 1, bytes: Buffer.from(bytes) }));
          expect(await early).toEqual(expected);
          expect(await late).toEqual(expected.slice(Math.min(after, chunks.length)));
          expect(await stored(audio.operationId)).toEqual(Buffer.concat(chunks));
          const again = [];
          for await (const { sequence, bytes } of store.chunks(audio.operationId, 0)) again.push({ sequence, bytes });
          expect(again).toEqual(expected);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('has its header corrected in the file once its length is known', async () => {
    const audio = live(eager);
    audio.append(Buffer.from('....abcd'));
    audio.append(Buffer.from('efgh'));
    audio.patch(0, Buffer.from('1234'));
    audio.finish();
    expect((await stored(audio.operationId)).toString()).toBe('1234abcdefgh');
  });

  it('can be read at once after its end, before the disk has it', async () => {
    const audio = live(eager);
    audio.append(Buffer.from('now'));
    audio.finish();
    expect((await stored(audio.operationId)).toString()).toBe('now');
  });
});

it('keeps no more of a long speech in memory than a listener that keeps up needs', async () => {
  const audio = live(true);
  for (let n = 0; n < 64; n++) await audio.append(Buffer.alloc(100_000, n));
  await audio.stored();
  await audio.append(Buffer.alloc(1));
  expect(audio.whole()).toBeNull();
  audio.finish();
  const chunks = await heard(audio);
  expect(
    chunks.slice(0, 64).every(({ bytes }, n) => bytes.length === 100_000 && bytes[0] === n && bytes[99_999] === n),
  ).toBe(true);
});

it('tells a listener why audio broke, after all that there was', async () => {
  const audio = live(true);
  audio.append(Buffer.from('half'));
  const listening = (async () => {
    const seen: string[] = [];
    try {
      for await (const { bytes } of audio.chunks()) seen.push(Buffer.from(bytes).toString());
    } catch (error) {
      seen.push((error as Error).message);
    }
    return seen;
  })();
  audio.fail(new Error('cut'));
  expect(await listening).toEqual(['half', 'cut']);
});

it('knows whether a single byte reached anybody', async () => {
  const audio = live(true);
  audio.append(Buffer.from('x'));
  expect(audio.delivered).toBe(false);
  await audio.chunks().next();
  expect(audio.delivered).toBe(true);
});

describe('audio that begins anew', () => {
  it('is only what came afterwards, for a listener that waited and in the file, however long it was', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 200_000 }), { maxLength: 6 }),
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 200_000 }), { minLength: 1, maxLength: 6 }),
        async (eager, before, after) => {
          const audio = live(eager);
          for (const chunk of before) await audio.append(Buffer.from(chunk));
          await audio.restart();
          expect(audio.sizeBytes).toBe(0);
          const listening = heard(audio);
          for (const chunk of after) await audio.append(Buffer.from(chunk));
          audio.patch(0, Buffer.from([7]));
          audio.finish();
          const whole = Buffer.concat(after);
          const patched = Buffer.from(whole);
          patched[0] = 7;
          const chunks = await listening;
          expect(chunks.map(({ sequence }) => sequence)).toEqual(after.map((_, index) => index + 1));
          expect(Buffer.concat(chunks.map(({ bytes }) => bytes)).subarray(1)).toEqual(whole.subarray(1));
          expect(await stored(audio.operationId)).toEqual(patched);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is refused once a byte was heard', async () => {
    const audio = live(false);
    audio.append(Buffer.from('heard'));
    await audio.chunks().next();
    await expect(audio.restart()).rejects.toThrow('cannot begin anew');
  });
});

it('deletes audio and its index, and finds nothing afterwards', async () => {
  const audio = live(true);
  audio.append(Buffer.from('a'));
  audio.append(Buffer.from('b'));
  audio.finish();
  await audio.stored();
  expect(readFileSync(store.pathOf(audio.operationId)).toString()).toBe('ab');
  await store.delete(audio.operationId);
  expect(await store.find(audio.operationId)).toBeNull();
});
