import type { BytesSource, FormPart, ProviderRequest } from '../../providers/contract/provider';
import type {
  RecordingFormat,
  TranscriptionCall,
  TranscriptionDeclaration,
  TranscriptionModel,
} from '../../providers/contract/stt';
import { audioFixture } from './audio-fixtures';

const SECONDS = 3.5;
/** A recording of 3.5 s. */
export const RECORDING = audioFixture('WAV', 16_000, SECONDS * 1000);

/** Bytes that are read in pieces, and how often they were. */
export function sourceOf(
  bytes: Buffer,
  contentType = 'audio/wav',
  pieceBytes = 16_384,
): BytesSource & { opened: number } {
  return {
    contentType,
    sizeBytes: bytes.length,
    opened: 0,
    async *open() {
      this.opened++;
      for (let from = 0; from < bytes.length; from += pieceBytes) yield bytes.subarray(from, from + pieceBytes);
    },
  };
}

export function audioOf(
  bytes: Buffer = RECORDING,
  format: RecordingFormat = 'WAV',
  contentType = 'audio/wav',
): TranscriptionCall['audio'] & { opened: number } {
  return Object.assign(sourceOf(bytes, contentType), { fileName: 'meeting.wav', format });
}

export function modelOf({ models }: TranscriptionDeclaration, name: string): TranscriptionModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model === undefined) throw new Error(`no model ${name}`);
  return model;
}

/** A call that the declaration allows: its default model, and nothing but the text. */
export function transcriptionCall(
  declaration: TranscriptionDeclaration,
  changes: Partial<Omit<TranscriptionCall, 'model'>> & { readonly model?: string } = {},
): TranscriptionCall {
  return {
    audio: audioOf(),
    durationMs: SECONDS * 1000,
    language: null,
    diarize: false,
    timestamps: 'NONE',
    prompt: null,
    ...changes,
    model: modelOf(declaration, changes.model ?? declaration.defaultModel),
  };
}

/** A form for the eye: each field with its value, a file with its name and type. */
export function formOf({ form = [] }: ProviderRequest): [string, string][] {
  return form.map((part: FormPart) =>
    'file' in part ? [part.name, `${part.fileName} (${part.file.contentType})`] : [part.name, part.value],
  );
}

/** All that a source gives. */
export async function readAll(source: BytesSource): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of source.open()) pieces.push(piece);
  return Buffer.concat(pieces);
}
