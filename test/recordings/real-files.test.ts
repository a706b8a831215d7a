import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { probeRecording } from '../../src/recordings/probe/probe-recording';
import { scratchFolder } from './support/probed';

const found = spawnSync('ffmpeg', ['-hide_banner', '-encoders'], { encoding: 'utf8' });
const encoders = found.error ? '' : found.stdout;

const folder = scratchFolder();
afterAll(() => folder.remove());

/** Milliseconds that ffmpeg decodes out of a file. */
function decodedMs(file: string): number {
  const samples = execFileSync(
    'ffmpeg',
    ['-v', 'error', '-i', file, '-map', '0:a:0', '-f', 's16le', '-ac', '1', '-ar', '48000', '-'],
    { maxBuffer: 64 * 1_048_576 },
  );
  return samples.length / 2 / 48;
}

const LENGTH_SECONDS = 7.377;

/** File name, encoder and further arguments, and by how many milliseconds two decoders may differ. */
const FILES: readonly (readonly [string, string, readonly string[], number])[] = [
  ['pcm.wav', 'pcm_s16le', [], 1],
  ['float.wav', 'pcm_f32le', [], 1],
  ['mulaw.wav', 'pcm_mulaw', [], 1],
  ['ima.wav', 'adpcm_ima_wav', [], 1],
  ['ms.wav', 'adpcm_ms', [], 1],
  ['lame.mp3', 'libmp3lame', [], 1],
  ['variable.mp3', 'libmp3lame', ['-q:a', '5'], 1],
  ['slow.mp3', 'libmp3lame', ['-ar', '8000', '-ac', '1'], 2],
  ['opus.ogg', 'libopus', [], 1],
  ['opus-60.ogg', 'libopus', ['-frame_duration', '60'], 1],
  ['vorbis.ogg', 'libvorbis', [], 1],
  ['plain.flac', 'flac', [], 1],
  ['aac.m4a', 'aac', [], 48],
  ['fast-start.m4a', 'aac', ['-movflags', '+faststart'], 48],
  ['fragments.mp4', 'aac', ['-movflags', 'frag_keyframe+empty_moov', '-frag_duration', '500000'], 48],
  ['alac.m4a', 'alac', [], 1],
  ['opus.mp4', 'libopus', ['-strict', '-2'], 20],
  ['flac.mp4', 'flac', ['-strict', '-2'], 1],
  ['mp3.mp4', 'libmp3lame', [], 48],
  ['pcm.mov', 'pcm_s24be', [], 1],
  ['opus.webm', 'libopus', [], 1],
  ['live.webm', 'libopus', ['-live', '1'], 1],
  ['vorbis.webm', 'libvorbis', [], 1],
  ['aac.mka', 'aac', [], 1],
  ['mp3.mka', 'libmp3lame', [], 48],
  ['flac.mka', 'flac', [], 1],
  ['pcm.mka', 'pcm_s16le', [], 1],
  ['plain.aac', 'aac', [], 1],
];

const usable = FILES.filter(([, encoder]) => encoders.includes(` ${encoder} `));
const suite = usable.length > 0 ? describe : describe.skip;

suite(`files of real encoders${usable.length > 0 ? '' : ' (skipped: there is no ffmpeg)'}`, () => {
  it.each(usable.length > 0 ? usable : FILES)(
    '%s is as long as its decoder says',
    async (name, encoder, more, slackMs) => {
      const file = path.join(folder.path, name);
      const source = `sine=frequency=330:sample_rate=44100:duration=${LENGTH_SECONDS}`;
      execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, '-ac', '2', '-c:a', encoder, ...more, file]);
      const { durationMs } = await probeRecording(file);
      expect(Math.abs(durationMs - decodedMs(file))).toBeLessThanOrEqual(slackMs);
    },
  );
});
