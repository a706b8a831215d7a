import { wavHeader } from '../audio/wav-header';
import type { TranscriptionCall } from '../contract/stt';

const SAMPLE_RATE = 16_000;

/** A recording of a tone as WAV, 16 kHz, mono. */
export function toneRecording(seconds: number): { readonly audio: TranscriptionCall['audio']; readonly bytes: Buffer } {
  const samples = new Int16Array(SAMPLE_RATE * seconds);
  for (let index = 0; index < samples.length; index++) {
    samples[index] = Math.round(8_000 * Math.sin((2 * Math.PI * 220 * index) / SAMPLE_RATE));
  }
  const data = Buffer.from(samples.buffer);
  const bytes = Buffer.concat([wavHeader(SAMPLE_RATE, 1, data.length), data]);
  const audio = {
    contentType: 'audio/wav',
    sizeBytes: bytes.length,
    fileName: 'recording.wav',
    format: 'WAV',
    async *open() {
      for (let from = 0; from < bytes.length; from += 8_192) yield bytes.subarray(from, from + 8_192);
    },
  } as const;
  return { audio, bytes };
}
