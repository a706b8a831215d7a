import type { TranscriptionDeclaration, TranscriptionModel } from '../../../providers/contract/stt';
import { AppError } from '../../lib/errors';
import type { TranscriptionRequest } from './transcription-request';
import type { AudioFacts } from './transcription-route';

/**
 * Whether a model takes what is asked of it, as it declares; of the audio, as far as it is known yet.
 * @throws AppError UNSUPPORTED with what is supported, or PAYLOAD_TOO_LARGE
 */
export function checkModel(
  request: TranscriptionRequest,
  audio: AudioFacts,
  { provider, model }: { readonly provider: TranscriptionDeclaration; readonly model: TranscriptionModel },
): void {
  const id = `${provider.provider}/${model.name}`;
  const others = (has: (other: TranscriptionModel) => boolean): readonly string[] =>
    provider.models.filter(has).map((other) => `${provider.provider}/${other.name}`);
  if (request.language !== null && model.languages) {
    const primary = request.language.split('-')[0]!.toLowerCase();
    if (!model.languages.includes(primary)) {
      throw unsupported('language', `${id} does not write down "${request.language}".`, model.languages);
    }
  }
  if (request.diarize && !model.diarization) {
    throw unsupportedBy(
      'diarize',
      `${id} does not tell speakers apart; leave diarize out or choose another model.`,
      provider.name,
      others(({ diarization }) => diarization),
    );
  }
  const { timestamps } = request;
  if (timestamps !== 'NONE' && !model.timestamps.includes(timestamps)) {
    throw unsupported('timestamps', `${id} does not tell the times of each ${timestamps.toLowerCase()}.`, [
      'NONE',
      ...model.timestamps,
    ]);
  }
  if (request.prompt !== null && !model.prompt) {
    throw unsupportedBy(
      'prompt',
      `${id} takes no prompt; leave prompt out or choose another model.`,
      provider.name,
      others(({ prompt }) => prompt),
    );
  }
  checkAudio(audio, id, model);
}

function checkAudio({ format, sizeBytes, durationMs }: AudioFacts, id: string, model: TranscriptionModel): void {
  if (format !== null && !model.formats.includes(format)) {
    throw unsupported('audio', `${id} does not take ${format}.`, model.formats);
  }
  if (sizeBytes !== null && sizeBytes > model.bytesMax) {
    throw tooLarge(
      `${id} takes at most ${model.bytesMax} bytes of audio, and these are ${sizeBytes}`,
      model.bytesMax,
      sizeBytes,
    );
  }
  if (durationMs === null) return;
  const seconds = durationMs / 1_000;
  if (model.secondsMax !== null && seconds > model.secondsMax) {
    throw tooLarge(
      `${id} takes at most ${model.secondsMax} seconds of audio, and these are ${seconds}`,
      model.secondsMax,
      seconds,
    );
  }
  // Audio under `secondsMin` is left to the provider: it refuses that in its own words, and that costs nothing.
}

const tooLarge = (what: string, limit: number, actual: number): AppError =>
  new AppError('PAYLOAD_TOO_LARGE', `${what}. Choose another model, or send the audio in parts.`, {
    field: 'audio',
    limit,
    actual,
  });

const unsupported = (field: string, message: string, supported: readonly string[]): AppError =>
  new AppError('UNSUPPORTED', `${message} It takes: ${supported.join(', ')}.`, { field, supported });

const unsupportedBy = (field: string, message: string, provider: string, models: readonly string[]): AppError =>
  new AppError(
    'UNSUPPORTED',
    models.length > 0 ? `${message} Of ${provider}, these do: ${models.join(', ')}.` : message,
    { field, supported: models },
  );
