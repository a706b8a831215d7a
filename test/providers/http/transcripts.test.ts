import fc from 'fast-check';
import {
  asSeconds,
  piecesOf,
  recordingPart,
  shareOfLogarithm,
  speakerTurns,
} from '../../../providers/http/transcripts';
import { openAiTranscription } from '../../../providers/openai/stt';
import { audioOf, transcriptionCall } from '../../support/transcription-call';

const call = transcriptionCall(openAiTranscription, { durationMs: 10_000 });
const told = fc.record({
  text: fc.oneof(fc.string(), fc.constantFrom(null, 5, ' ')),
  start: fc.oneof(fc.double(), fc.constantFrom('1.5', 'NaN', null, undefined, -0, {})),
  end: fc.oneof(fc.double(), fc.constantFrom('2', '', null, [], true)),
  speaker: fc.oneof(fc.string(), fc.constantFrom(null, 3)),
  confidence: fc.oneof(fc.double(), fc.constantFrom(null, '0.5')),
});

it('whatever is told, pieces have words, 0 <= start <= end, a beginning within the audio and a confidence of 0 to 1', () => {
  fc.assert(
    fc.property(fc.array(told), (pieces) => {
      for (const piece of [...piecesOf(pieces, call), ...speakerTurns(pieces, call)]) {
        expect(piece.text).toBe(piece.text.trim());
        expect(piece.text).not.toBe('');
        expect(piece.startSeconds >= 0 && piece.startSeconds <= 40).toBe(true);
        expect(piece.endSeconds >= piece.startSeconds && Number.isFinite(piece.endSeconds)).toBe(true);
        expect(piece.confidence === null || (piece.confidence >= 0 && piece.confidence <= 1)).toBe(true);
      }
    }),
  );
});

it('figures that can be are kept as they are and in their order', () => {
  const figure = fc.double({ min: 0, max: 10, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(figure, figure)), (pairs) => {
      const pieces = pairs.map(([a, b], index) => ({ text: `w${index}`, start: Math.min(a, b), end: Math.max(a, b) }));
      expect(piecesOf(pieces, call)).toEqual(
        pieces.map(({ text, start, end }) => {
          return { text, startSeconds: start, endSeconds: end, speaker: null, confidence: null };
        }),
      );
    }),
  );
});

describe('the turns of speakers', () => {
  const part = (text: string, start: number, end: number, speaker: string | null) => ({ text, start, end, speaker });

  it('change where the speaker does; what has no speaker belongs to the turn that runs', () => {
    const parts = [
      part('a ', 0, 1, 'A'),
      part('b ', 1, 2, null),
      part('c ', 2, 3, 'A'),
      part('d ', 3, 4, 'B'),
      part('e', 4, 5, 'A'),
    ];
    expect(
      speakerTurns(parts, call).map(({ speaker, text, startSeconds, endSeconds }) => [
        speaker,
        text,
        startSeconds,
        endSeconds,
      ]),
    ).toEqual([
      ['A', 'a b c', 0, 3],
      ['B', 'd', 3, 4],
      ['A', 'e', 4, 5],
    ]);
  });

  it('are none where nobody is told', () => {
    expect(speakerTurns([part('a', 0, 1, null)], call)).toEqual([]);
  });
});

it.each([
  ['0', 0],
  [1.5, 1.5],
  ['2.25', 2.25],
  [-1, null],
  ['-1', null],
  [Number.NaN, null],
  [Number.POSITIVE_INFINITY, null],
  ['', null],
  ['1s', null],
  [true, null],
])('%j is %j seconds', (value, seconds) => {
  expect(asSeconds(value)).toBe(seconds);
});

it.each([
  [0, 1],
  [0.1, undefined],
  [Number.NaN, undefined],
  ['-1', undefined],
])('the logarithm %j stands for %j', (value, share) => {
  expect(shareOfLogarithm(value)).toBe(share);
});

it.each([
  ['meeting.wav', 'meeting.wav'],
  ['meeting.mp3', 'meeting.wav'],
  ['meeting', 'meeting.wav'],
  ['', 'recording.wav'],
  ['.wav', 'recording.wav'],
  ['../../etc/passwd.ogg', 'passwd.wav'],
  ['C:\\Users\\Ada\\a.b.mp3', 'a.b.wav'],
  [`${'ä'.repeat(300)}.mp3`, `${'ä'.repeat(100)}.wav`],
])('a recording named %j is sent as %j', (fileName, sent) => {
  const audio = { ...audioOf(), fileName };
  expect(recordingPart('file', { ...call, audio })).toMatchObject({ name: 'file', fileName: sent, file: audio });
});
