import type { RecordingFormat } from '../../providers/contract/stt';
import { AppError, badInput } from '../lib/errors';
import { type FetchDependencies, fetchRecording } from './fetch-recording';
import { BASE64_BYTES_MAX } from './limits';
import { type ProbedRecording, probeRecording } from './probe/probe-recording';
import { empty, tooLarge } from './recording-errors';
import type { RecordingFile, StoredBytes } from './recording-files';
import type { UploadOwner, UploadRecord, UploadRecords } from './upload-records';
import type { Uploads } from './uploads';

/** Where the audio of an operation comes from: exactly one of them. */
export interface AudioSource {
  readonly url?: string | null;
  readonly base64?: string | null;
  readonly uploadId?: string | null;
}

/** A recording that was probed. */
export interface Recording extends ProbedRecording, StoredBytes {
  readonly contentType: string;
  /** Neutral: names that clients give stay with them. */
  readonly fileName: string;
  /** Its bytes; null where an earlier operation used the upload up. */
  readonly file: RecordingFile | null;
  readonly upload: UploadRecord | null;
}

/** Media type and extension of each container, as every provider knows them. */
const CONTAINERS: Readonly<Record<RecordingFormat, readonly [contentType: string, extension: string]>> = {
  WAV: ['audio/wav', 'wav'],
  MP3: ['audio/mpeg', 'mp3'],
  OGG: ['audio/ogg', 'ogg'],
  FLAC: ['audio/flac', 'flac'],
  MP4: ['audio/mp4', 'm4a'],
  WEBM: ['audio/webm', 'webm'],
  AAC: ['audio/aac', 'aac'],
};

const UPLOAD_FIELD = 'audio.uploadId';
const BASE64_FIELD = 'audio.base64';
const NOT_BASE64 = /[^A-Za-z0-9+/]/;
/** Characters that are decoded at a time: a multiple of four. */
const BASE64_STEP = 262_144;

export interface RecordingsDependencies extends FetchDependencies {
  readonly uploads: Uploads;
  readonly uploadRecords: UploadRecords;
}

/** Brings recordings from wherever they are onto this disk, and finds out what they are. */
export class Recordings {
  constructor(private readonly dependencies: RecordingsDependencies) {}

  /**
   * The recording in a file of its own, which the caller must remove.
   * @param timeMs how long the caller is willing to wait for a URL
   * @throws AppError with what is wrong; nothing is left behind then
   */
  async open(source: AudioSource, owner: UploadOwner, timeMs?: number): Promise<Recording> {
    if (source.uploadId != null) return this.openUpload(source.uploadId, owner);
    const { files } = this.dependencies;
    const bytes =
      source.url != null
        ? await fetchRecording(source.url, this.dependencies, timeMs)
        : await files.write(decode(source.base64 ?? ''), BASE64_BYTES_MAX, tooLargeForRequest);
    return this.probe(files.file(bytes.name, bytes), (path) => probeRecording(path), null);
  }

  /** What an upload holds, without a file of its own. @throws AppError as `open` does */
  async inspectUpload(id: string, owner: UploadOwner): Promise<ProbedRecording & { readonly sizeBytes: number }> {
    const { uploads } = this.dependencies;
    const record = await uploads.find(owner, id, 'AUDIO', UPLOAD_FIELD);
    const path = uploads.pathOf(record);
    if (path === null && !record.probed) throw usedUp();
    return { ...(record.probed ?? (await this.probeUpload(record, path!))), sizeBytes: record.sizeBytes };
  }

  private async openUpload(id: string, owner: UploadOwner): Promise<Recording> {
    const { files, uploads } = this.dependencies;
    const record = await uploads.find(owner, id, 'AUDIO', UPLOAD_FIELD);
    const path = uploads.pathOf(record);
    const bytes: StoredBytes = { sizeBytes: record.sizeBytes, sha256: record.sha256! };
    if (path === null) {
      if (!record.probed) throw usedUp();
      return recordingOf(record.probed, bytes, null, record);
    }
    const name = await files.adopt(path).catch((error: NodeJS.ErrnoException) => {
      // Another operation used it up a moment ago, or its server lost it.
      if (error.code === 'ENOENT') throw usedUp();
      throw error;
    });
    return this.probe(files.file(name, bytes), (own) => this.probeUpload(record, own), record);
  }

  private async probeUpload(record: UploadRecord, path: string): Promise<ProbedRecording> {
    if (record.probed) return record.probed;
    const probed = await probeRecording(path);
    await this.dependencies.uploadRecords.probed(record.id, probed);
    return probed;
  }

  private async probe(
    file: RecordingFile,
    probe: (path: string) => Promise<ProbedRecording>,
    upload: UploadRecord | null,
  ): Promise<Recording> {
    try {
      return recordingOf(await probe(file.path), file, file, upload);
    } catch (error) {
      await file.remove();
      throw error;
    }
  }
}

export const usedUp = (): AppError =>
  new AppError(
    'NOT_FOUND',
    'The audio of this upload is no longer kept: it was used by an operation that succeeded, or its time is over. Ask for another one with createUpload.',
  );

function recordingOf(
  probed: ProbedRecording,
  { sizeBytes, sha256 }: StoredBytes,
  file: RecordingFile | null,
  upload: UploadRecord | null,
): Recording {
  const [contentType, extension] = CONTAINERS[probed.format];
  return { ...probed, sizeBytes, sha256, contentType, fileName: `audio.${extension}`, file, upload };
}

/** Standard base64 (RFC 4648 section 4); the line breaks that command-line tools put in are let through. */
function* decode(text: string): Generator<Uint8Array, void, void> {
  const joined = /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, '') : text;
  if (joined.length === 0) throw empty();
  if (joined.startsWith('data:')) {
    throw badInput(BASE64_FIELD, 'base64 takes the bytes of the file alone, without "data:" before them.');
  }
  if (joined.length > (BASE64_BYTES_MAX * 4) / 3 + 4) throw tooLargeForRequest();
  const padding = joined.endsWith('==') ? 2 : joined.endsWith('=') ? 1 : 0;
  const coded = joined.length - padding;
  if (joined.length % 4 !== 0) throw notBase64();
  for (let at = 0; at < coded; at += BASE64_STEP) {
    const piece = joined.slice(at, Math.min(coded, at + BASE64_STEP));
    if (NOT_BASE64.test(piece)) throw notBase64();
    yield Buffer.from(piece, 'base64');
  }
}

const notBase64 = (): AppError =>
  badInput(BASE64_FIELD, 'base64 takes standard base64 (A-Z a-z 0-9 + /) with its padding.');

const tooLargeForRequest = (): AppError => {
  const refusal = tooLarge(BASE64_BYTES_MAX);
  return new AppError(
    refusal.code,
    `Audio inside a request has at most ${BASE64_BYTES_MAX} bytes; send more with createUpload or by URL.`,
    refusal.fields,
  );
};
