import { openApiDocument } from '../openapi';
import { readForm } from './form';
import type { StubAnswer, StubRequest } from './requests';
import { containerOf, fieldOf, transcriptionScript, valuesOf } from './transcription-script';

const PATH = '/v1/asr';
const FILE_BYTES_MAX = 20_000_000;
const SECONDS_MAX = 3_600;

/** Answers as the transcription of Fish Audio is documented to. */
export function answerAsFishAudioTranscription(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  const key = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined || refusedKeys.has(key)) return failure(401, 'Invalid Token');
  const form = readForm(request.headers['content-type'], request.body);
  if (form === null) return failure(400, 'The body is neither a form nor MessagePack.');
  const fault = openApiDocument('fish-audio.json')?.formFaults('post', PATH, PATH, form)[0];
  if (fault !== undefined) return failure(422, fault);
  const audio = fieldOf(form, 'audio');
  if (audio === undefined) return failure(422, 'audio is required');
  if (audio.bytes.length > FILE_BYTES_MAX) return failure(400, 'The audio is larger than 20MB.');
  if (containerOf(audio.bytes) === null) return failure(400, 'The audio could not be decoded.', 'invalid_audio');
  const script = transcriptionScript(audio.bytes);
  if (script.duration < 1 || script.duration > SECONDS_MAX) return failure(400, 'The audio is too short or too long.');
  const precise = valuesOf(form, 'ignore_timestamps')[0] === 'false';
  const whole = { text: script.text, start: 0, end: script.duration };
  const segments = precise ? script.turns.map(({ text, start, end }) => ({ text, start, end })) : [whole];
  const body = { text: script.text, duration: script.duration, segments, language_code: 'en', language: 'English' };
  return { kind: 'json', status: 200, body };
}

function failure(status: number, message: string, reason: string | null = null): StubAnswer {
  return { kind: 'json', status, body: { status, message, reason } };
}
