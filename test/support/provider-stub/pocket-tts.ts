import { audioFixture, wavHeaderFixture } from '../audio-fixtures';
import { readForm } from './form';
import { type StubAnswer, type StubRequest, speechMilliseconds, validationError } from './requests';

/** Voices of the server's own; it has no route that lists them. */
const PRESETS = new Set(
  (
    'cosette marius javert alba jean anna vera fantine charles paul eponine azelma george mary jane michael eve ' +
    'bill_boerst peter_yearsley stuart_bell caro_davy giovanni lola juergen rafael estelle'
  ).split(' '),
);

const PIECE_BYTES = 3_840; // 80 ms, a frame of the model.
const TAIL_MILLISECONDS = 200;

/** Answers as `pocket-tts serve` 2.1.0 is documented to. */
export function answerAsPocketTts(request: StubRequest): StubAnswer {
  const form = readForm(request.headers['content-type'], request.body);
  if (form === null || form.some((field) => field.value === undefined)) {
    return failure(400, 'There was an error parsing the body');
  }
  const fields = new Map(form.map(({ name, value }) => [name, value]));
  const text = fields.get('text');
  if (text === undefined) return validationError(['body', 'text'], 'Field required', 'missing');
  for (const name of fields.keys()) {
    if (name !== 'text' && name !== 'voice_url') return failure(400, `stand-in: nothing sends the field ${name}`);
  }
  if (text.trim() === '') return failure(400, 'Text cannot be empty');
  const voice = fields.get('voice_url');
  if (voice !== undefined && !PRESETS.has(voice)) {
    return failure(400, 'voice_url must start with http://, https://, or hf://');
  }
  const samples = audioFixture('PCM', 24_000, speechMilliseconds([...text].length, 1) + TAIL_MILLISECONDS);
  const pieces = [wavHeaderFixture(24_000, 2_000_000_000, 2_000_000_036)];
  for (let from = 0; from < samples.length; from += PIECE_BYTES)
    pieces.push(samples.subarray(from, from + PIECE_BYTES));
  return {
    kind: 'pieces',
    contentType: 'audio/wav',
    pieces,
    headers: { 'content-disposition': 'attachment; filename=generated_speech.wav' },
  };
}

function failure(status: number, detail: string): StubAnswer {
  return { kind: 'json', status, body: { detail } };
}
