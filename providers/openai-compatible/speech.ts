import type { AudioFormat, FormatOffer } from '../contract/audio';
import type { Credential } from '../contract/credential';
import type { HttpSpeechAdapter, ProviderVoice, SpeechCall, SpeechDeclaration } from '../contract/tts';
import { firstHeader } from '../http/provider-failures';
import { asCode, asObject, asText, type JsonObject, validationFailure } from '../http/wire';

/** A format of the contract, with the name that `response_format` has for it. */
export interface WireFormat extends FormatOffer {
  readonly responseFormat: 'mp3' | 'opus' | 'aac' | 'flac' | 'wav' | 'pcm';
}

/**
 * How a server departs from `POST /v1/audio/speech`. Servers differ in almost everything but the path and the four fields
 * `model`, `input`, `voice` and `response_format`; nothing that a profile does not name is ever sent.
 */
export interface OpenAiCompatibleProfile extends Omit<SpeechDeclaration, 'formats'> {
  /** Scheme and host of the fact sheet; null for servers that people run themselves. */
  readonly defaultBaseUrl: string | null;
  readonly keyRequired: boolean;
  readonly formats: Partial<Record<AudioFormat, WireFormat>>;
  /** `chunked`: the server streams when the field `stream` is true; `none`: it has no switch, and the body comes as it comes. */
  readonly streamMode: 'none' | 'chunked';
  /** Fields of this server alone, added to the body. */
  extensions?(call: SpeechCall): JsonObject;
  /** The server's list of voices; null where it has none, and the default voice is all that is listed. */
  readonly voices: {
    readonly path: string;
    /** Throws when the body is not a list of voices. */
    parse(body: unknown): readonly ProviderVoice[];
  } | null;
}

const SPEECH_PATH = '/v1/audio/speech';
/** The common probe: any body will do, as the list is not read from it. */
const MODELS_PATH = '/v1/models';

/**
 * The shared base of the providers that speak OpenAI's speech API. `speed` is sent when the profile declares a range and it
 * is not 1, `response_format` always: servers' defaults differ.
 */
export function openAiCompatibleSpeech(profile: OpenAiCompatibleProfile): HttpSpeechAdapter {
  const { streamMode, extensions, voices, ...declaration } = profile;
  return {
    ...declaration,
    transport: 'http',
    request(call, credential) {
      const json: JsonObject = {
        model: call.model.upstreamId,
        input: profile.render(call.spans),
        voice: call.voice,
        response_format: profile.formats[call.format]?.responseFormat,
        ...(profile.speed !== null && call.speed !== 1 ? { speed: call.speed } : {}),
        ...(streamMode === 'chunked' ? { stream: call.streaming } : {}),
        ...extensions?.(call),
      };
      return { method: 'POST', path: SPEECH_PATH, headers: keyHeaders(credential), json };
    },
    requestIdOf: (headers) => asText(firstHeader(headers, 'x-request-id')),
    billedUnits: () => null,
    voicesRequest: (_cursor, credential) => ({
      method: 'GET',
      path: voices?.path ?? MODELS_PATH,
      headers: keyHeaders(credential),
    }),
    voicesPage: (body) => ({ voices: voices === null ? [defaultVoiceOf(profile)] : voices.parse(body), next: null }),
    errorOf: errorOfCompatibleServer,
  };
}

function keyHeaders({ secret }: Credential): Record<string, string> {
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}

function defaultVoiceOf({ defaultVoice }: OpenAiCompatibleProfile): ProviderVoice {
  return { id: defaultVoice, name: defaultVoice, languages: [], gender: null, description: null, previewUrl: null };
}

/**
 * The first of the forms that these servers give an error: OpenAI's `error.message`; `error` as a string; `detail.message`
 * beside `detail.error` and `detail.type`; `detail` as a string; FastAPI's list in `detail`; `message`; the bare text.
 */
export function errorOfCompatibleServer(body: unknown): { readonly code?: string; readonly message?: string } {
  if (typeof body === 'string') return { message: body };
  const object = asObject(body);
  if (object === null) return {};
  const error = asObject(object.error);
  const detail = asObject(object.detail);
  if (asText(error?.message) !== null) {
    return { code: asCode(error?.code) ?? asCode(error?.type), message: asText(error?.message)! };
  }
  if (asText(object.error) !== null) return { message: asText(object.error)! };
  if (asText(detail?.message) !== null) {
    return { code: asCode(detail?.error) ?? asCode(detail?.type), message: asText(detail?.message)! };
  }
  if (asText(object.detail) !== null) return { message: asText(object.detail)! };
  return validationFailure(object.detail) ?? { message: asText(object.message) ?? undefined };
}
