import { mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { AudioPacks } from '../../src/audio-store/audio-packs';
import { AudioStore } from '../../src/audio-store/audio-store';
import { LiveAudio } from '../../src/audio-store/live-audio';
import { newId } from '../../src/lib/ids';

const DESCRIPTION = { format: 'PCM', contentType: 'audio/pcm', sampleRate: 24_000, channels: 1 } as const;
let directory: string;
let packsDirectory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-packs-'));
  packsDirectory = path.join(directory, 'packs');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const files = (): string[] => readdirSync(packsDirectory);

async function read(packs: AudioPacks, place: string, range?: { start: number; end: number }): Promise<Buffer | null> {
  const found = await packs.find(place);
  if (!found) return null;
  const pieces: Buffer[] = [];
  for await (const piece of found.stream(range)) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

it('gives back every speech and every range of it, whatever the order in which they were written', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ bytes: fc.uint8Array({ minLength: 1, maxLength: 5_000 }), rank: fc.nat(), kept: fc.boolean() }),
        {
          minLength: 1,
          maxLength: 40,
        },
      ),
      async (speeches) => {
        const packs = new AudioPacks(path.join(directory, newId()));
        const rooms = speeches.map(({ bytes }) => packs.reserve(newId(), bytes.length));
        const order = speeches.map((_, index) => index).sort((a, b) => speeches[a]!.rank - speeches[b]!.rank);
        await Promise.all(
          order.map((index) =>
            speeches[index]!.kept ? packs.write(rooms[index]!, speeches[index]!.bytes) : packs.giveUp(rooms[index]!),
          ),
        );
        for (const [index, { bytes, kept }] of speeches.entries()) {
          if (!kept) continue;
          const { place } = rooms[index]!;
          expect(await read(packs, place)).toEqual(Buffer.from(bytes));
          const end = bytes.length - 1;
          const start = Math.floor(end / 2);
          expect(await read(packs, place, { start, end })).toEqual(Buffer.from(bytes.subarray(start, end + 1)));
        }
        await packs.close();
      },
    ),
    { numRuns: 30 },
  );
});

it('writes speeches of one hour into one file and those of the next into another', async () => {
  const packs = new AudioPacks(packsDirectory);
  const hour = 3_600_000;
  for (const time of [5 * hour, 5 * hour + 1, 6 * hour, 6 * hour + 1]) {
    await packs.write(packs.reserve(newId(time), 3), Buffer.from('abc'));
  }
  expect(files()).toHaveLength(2);
  await packs.close();
});

it('finds nothing where a crash has lost the end of a pack, and all that lies before it', async () => {
  const packs = new AudioPacks(packsDirectory);
  const first = packs.reserve(newId(), 4);
  const second = packs.reserve(newId(), 4);
  await Promise.all([packs.write(first, Buffer.from('abcd')), packs.write(second, Buffer.from('efgh'))]);
  await packs.close();
  truncateSync(path.join(packsDirectory, files()[0]!), 7);
  expect((await read(packs, first.place))?.toString()).toBe('abcd');
  expect(await read(packs, second.place)).toBeNull();
});

it('writes nothing behind a place that could not be written, and goes on in a new pack', async () => {
  // A file in place of the directory: every write fails.
  const packs = new AudioPacks(path.join(__filename, 'packs'));
  const first = packs.reserve(newId(), 1);
  const second = packs.reserve(newId(), 1);
  await expect(packs.write(first, Buffer.from('a'))).rejects.toThrow();
  await expect(packs.write(second, Buffer.from('b'))).rejects.toThrow();
  expect(packs.reserve(newId(), 1).pack).not.toBe(second.pack);
});

it.each(['', 'x', '../../etc/passwd/0/10', `${newId()}/0`, `${newId()}/-1/4`, `${newId()}/0/4`])(
  'finds nothing at %j',
  async (place) => {
    const packs = new AudioPacks(packsDirectory);
    expect(await packs.find(place)).toBeNull();
    await packs.erase(place);
  },
);

describe('the store', () => {
  const faults: Error[] = [];
  const make = async (store: AudioStore, content: string): Promise<{ id: string; place: string | null }> => {
    const id = newId();
    const audio = new LiveAudio(id, DESCRIPTION, store.create(id, false));
    await audio.append(Buffer.from(content));
    const place = audio.place();
    audio.finish();
    return { id, place };
  };
  const text = async (store: AudioStore, id: string, place: string | null): Promise<string | null> => {
    const found = await store.find(id, place);
    if (!found) return null;
    const pieces: Buffer[] = [];
    for await (const piece of found.stream()) pieces.push(piece as Buffer);
    return Buffer.concat(pieces).toString();
  };

  it('erases a speech that is deleted and leaves its neighbours', async () => {
    const store = new AudioStore(directory, (error) => faults.push(error));
    const [before, gone, after] = await Promise.all(['one', 'two', 'three'].map((content) => make(store, content)));
    await store.delete(gone!.id, gone!.place);
    expect(await text(store, gone!.id, gone!.place)).toBe('\0\0\0');
    expect(await text(store, before!.id, before!.place)).toBe('one');
    expect(await text(store, after!.id, after!.place)).toBe('three');
    await store.close();
    expect(faults).toEqual([]);
  });

  it('removes packs whose time is over', async () => {
    const store = new AudioStore(directory, (error) => faults.push(error));
    const { id, place } = await make(store, 'old');
    expect(await text(store, id, place)).toBe('old');
    await store.close();
    utimesSync(path.join(packsDirectory, files()[0]!), 1_000, 1_000);
    expect(await store.removeOlderThan(2_000_000)).toBe(1);
    expect(await text(store, id, place)).toBeNull();
  });

  it('gives a speech that others may follow, and a long one, a file of its own', async () => {
    const store = new AudioStore(directory, (error) => faults.push(error));
    const followed = new LiveAudio(newId(), DESCRIPTION, store.create(newId(), true));
    await followed.append(Buffer.from('x'));
    expect(followed.place()).toBeNull();
    const long = new LiveAudio(newId(), DESCRIPTION, store.create(newId(), false));
    for (let n = 0; n < 6; n++) await long.append(Buffer.alloc(65_536));
    expect(long.place()).toBeNull();
    for (const audio of [followed, long]) {
      audio.finish();
      await audio.stored();
    }
  });
});

describe('a speech that another process has just made', () => {
  it('is waited for until all of it is on the disk', async () => {
    const maker = new AudioStore(directory, () => {});
    const reader = new AudioStore(directory, () => {});
    const id = newId();
    const audio = new LiveAudio(id, DESCRIPTION, maker.create(id, true));
    await audio.append(Buffer.from('half'));
    await audio.stored();
    const finding = reader.findWhole(id, { sizeBytes: 8 }, 0);
    await audio.append(Buffer.from('half'));
    audio.finish();
    const found = await finding;
    expect(found?.sizeBytes).toBe(8);
  });

  it('is not waited for when it ended long ago', async () => {
    const reader = new AudioStore(directory, () => {});
    expect(await reader.findWhole(newId(), { sizeBytes: 8 }, 60_000)).toBeNull();
    expect(await reader.findWhole(newId(), { place: `${newId()}/0/8`, sizeBytes: 8 }, 60_000)).toBeNull();
  });
});
