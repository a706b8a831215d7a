import { answerAsCartesiaTranscription } from './cartesia-transcription';
import { answerAsDeepgramTranscription } from './deepgram-transcription';
import { answerAsElevenLabsTranscription } from './elevenlabs-transcription';
import { answerAsFishAudioTranscription } from './fish-audio-transcription';
import { readForm } from './form';
import { answerAsGroqTranscription } from './groq-transcription';
import { answerAsMistralTranscription } from './mistral-transcription';
import { answerAsOpenAiTranscription } from './openai-transcription';
import type { StubAnswer, StubRequest } from './requests';
import { valuesOf } from './transcription-script';

type Answer = (request: StubRequest, refusedKeys: ReadonlySet<string>) => StubAnswer;

const POST = { method: 'POST', operation: 'transcription' } as const;

export const TRANSCRIPTION_ROUTES = [
  { ...POST, path: /^\/v1\/audio\/transcriptions$/, provider: 'openai' },
  { ...POST, path: /^\/openai\/v1\/audio\/transcriptions$/, provider: 'groq' },
  { ...POST, path: /^\/v1\/listen$/, provider: 'deepgram' },
  { ...POST, path: /^\/v1\/speech-to-text$/, provider: 'elevenlabs' },
  { ...POST, path: /^\/v1\/asr$/, provider: 'fish-audio' },
  { ...POST, path: /^\/stt$/, provider: 'cartesia' },
] as const;

const ANSWERS: Readonly<Record<string, Answer>> = {
  groq: answerAsGroqTranscription,
  deepgram: answerAsDeepgramTranscription,
  elevenlabs: answerAsElevenLabsTranscription,
  'fish-audio': answerAsFishAudioTranscription,
  cartesia: answerAsCartesiaTranscription,
  // OpenAI and Mistral share a path; at one address the model alone tells whose it is.
  openai: (request, refusedKeys) => {
    const form = readForm(request.headers['content-type'], request.body) ?? [];
    const isMistral = valuesOf(form, 'model')[0]?.startsWith('voxtral') === true;
    return isMistral
      ? answerAsMistralTranscription(request, refusedKeys)
      : answerAsOpenAiTranscription(request, refusedKeys);
  },
};

export const answerAsTranscription: Answer = (request, refusedKeys) =>
  ANSWERS[request.provider ?? '']!(request, refusedKeys);
