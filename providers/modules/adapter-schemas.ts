import { z } from 'zod';
import { AUDIO_FORMATS } from '../contract/audio';
import { MARKUP_FEATURES } from '../contract/speech-text';
import { RECORDING_FORMATS } from '../contract/stt';
import { SPEECH_QUALITIES } from '../contract/tts';

/** Every message says what to write; the field stands before it. */
const say = (error: string) => ({ error });

const text = z.string(say('write a text')).min(1, say('write a text that is not empty'));
const flag = z.boolean(say('write true or false'));
const count = z.int(say('write a whole number above 0')).positive(say('write a whole number above 0'));
const languages = z
  .array(
    z.string().regex(/^[a-z]{2,3}$/, say('write a BCP 47 primary subtag, such as en')),
    say('write a list of languages, or null'),
  )
  .nullable();
const code = z.custom((value) => typeof value === 'function', say('write a function'));

/** Whatever reads it further: what the platform does not know of is left alone. */
const object = <Shape extends z.ZodRawShape>(shape: Shape) => z.looseObject(shape, say('write an object'));

const declaration = {
  provider: z
    .string(say('write the id of the provider'))
    .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, say('write lower-case words joined by hyphens, such as acme-speech')),
  name: text,
  firstParty: flag,
  keyHeader: z
    .string(say('write the header of an own key, or null'))
    .regex(/^X-Provider-Key-[A-Za-z0-9-]+$/, say('write X-Provider-Key- and a name, or null'))
    .nullable(),
};

const httpEndpoint = {
  defaultBaseUrl: z
    .url({ protocol: /^https?$/, error: 'write scheme and host, such as https://api.example.com, or null' })
    .nullable(),
  keyRequired: flag,
  errorOf: code,
  requestIdOf: code,
};

const model = {
  name: text.regex(/^[^/\s]+$/, say('write a name without slashes and spaces')),
  upstreamId: text,
  retiredAt: z.iso.date(say('write a date such as 2026-01-31')).optional(),
  successor: text.optional(),
};

const offer = object({
  contentType: text.regex(/^audio\//, say('write a type such as audio/mpeg')),
  sampleRates: z.array(count, say('write a list of hertz')).min(1, say('name at least one sample rate')),
  channels: z.union([z.literal(1), z.literal(2)], say('write 1 or 2')),
});

const speechDeclaration = {
  ...declaration,
  models: z
    .array(
      object({
        ...model,
        charactersMax: count,
        charactersMaxOfLanguage: z.record(z.string(), count).optional(),
        languages,
        millisecondsPerCharacterMax: count,
      }),
      say('write a list of models'),
    )
    .min(1, say('name at least one model')),
  defaultModel: text,
  defaultVoice: text,
  modelOfVoice: code.optional(),
  voiceFor: code.optional(),
  formats: z.partialRecord(z.enum(AUDIO_FORMATS), offer, say(`write formats out of ${AUDIO_FORMATS.join(', ')}`)),
  defaultFormat: z.enum(AUDIO_FORMATS, say(`write one of ${AUDIO_FORMATS.join(', ')}`)),
  speed: object({
    min: z.number(say('write a number')).gt(0, say('write a number above 0')).max(1, say('write a number up to 1')),
    max: z.number(say('write a number')).min(1, say('write a number of 1 or more')),
  }).nullable(),
  styles: z.array(text, say('write a list of styles, or null')).nullable(),
  qualities: z
    .array(z.enum(SPEECH_QUALITIES, say(`write qualities out of ${SPEECH_QUALITIES.join(', ')}`)))
    .min(1)
    .optional(),
  streamedFormats: z.array(z.enum(AUDIO_FORMATS, say(`write formats out of ${AUDIO_FORMATS.join(', ')}`))).optional(),
  markup: z.array(
    z.enum(MARKUP_FEATURES, say(`write features out of ${MARKUP_FEATURES.join(', ')}`)),
    say('write a list, [] for none'),
  ),
  render: code,
};

interface Modelled {
  readonly models: readonly { readonly name: string; readonly successor?: string }[];
  readonly defaultModel: string;
}

/** Models agree with each other: names are unique, the default and every successor is one of them. */
function checkModels({ models, defaultModel }: Modelled, context: z.RefinementCtx): void {
  const fault = (path: (string | number)[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  const names = models.map(({ name }) => name);
  names.forEach((name, index) => {
    if (names.indexOf(name) !== index) fault(['models', index, 'name'], 'is the name of another model too');
    const { successor } = models[index]!;
    if (successor !== undefined && !names.includes(successor)) {
      fault(['models', index, 'successor'], 'name one of the models');
    }
  });
  if (!names.includes(defaultModel)) fault(['defaultModel'], 'name one of the models');
}

const speechOverHttp = object({
  ...speechDeclaration,
  ...httpEndpoint,
  transport: z.literal('http'),
  request: code,
  billedUnits: code,
  framing: code.optional(),
  message: code.optional(),
  audioHosts: z.array(text).optional(),
  voicesRequest: code,
  voicesPage: code,
  voices: z.array(object({ id: text, name: text })).optional(),
});

const speechEngine = object({
  ...speechDeclaration,
  transport: z.literal('engine'),
  voices: code,
  synthesize: code,
  close: code,
});

export const speechSchema = z
  .discriminatedUnion('transport', [speechOverHttp, speechEngine], say('write "http" or "engine"'))
  .superRefine((adapter, context) => {
    checkModels(adapter as Modelled, context);
    const { formats, defaultFormat } = adapter;
    if (formats[defaultFormat] === undefined) {
      context.addIssue({ code: 'custom', path: ['defaultFormat'], message: 'name one of the formats' });
    }
    if (adapter.transport === 'http' && adapter.framing !== undefined && adapter.message === undefined) {
      context.addIssue({ code: 'custom', path: ['message'], message: 'write a function that reads what is framed' });
    }
  });

export const transcriptionSchema = object({
  ...declaration,
  ...httpEndpoint,
  transport: z.literal('http', say('write "http"')),
  models: z
    .array(
      object({
        ...model,
        bytesMax: count,
        secondsMax: z.number(say('write seconds, or null')).positive(say('write seconds above 0, or null')).nullable(),
        languages,
        formats: z.array(z.enum(RECORDING_FORMATS, say(`write formats out of ${RECORDING_FORMATS.join(', ')}`))).min(1),
        diarization: flag,
        timestamps: z.array(z.enum(['SEGMENT', 'WORD'], say('write SEGMENT, WORD or both'))),
        prompt: flag,
      }),
      say('write a list of models'),
    )
    .min(1, say('name at least one model')),
  defaultModel: text,
  request: code,
  transcript: code,
}).superRefine((adapter, context) => checkModels(adapter as Modelled, context));

export const chatSchema = object({
  ...declaration,
  ...httpEndpoint,
  transport: z.literal('http', say('write "http"')),
  models: z
    .array(
      object({
        ...model,
        contextTokens: count,
        maxOutputTokens: count,
        defaultMaxOutputTokens: count,
        overheadTokens: z.int(say('write a whole number')).nonnegative(say('write 0 or more')),
        tools: flag,
        responseSchema: flag,
        temperature: object({ min: z.number(), max: z.number() }).nullable(),
      }),
      say('write a list of models'),
    )
    .min(1, say('name at least one model')),
  defaultModel: text,
  request: code,
  answer: code,
  stream: code,
}).superRefine((adapter, context) => checkModels(adapter as Modelled, context));
