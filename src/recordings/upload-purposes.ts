import { isId3v2 } from '../../providers/audio/mp3-tags';
import { nameOfFormat, type SniffedFormat, sniffFormat } from '../../providers/audio/sniff-format';
import { AppError, badInput } from '../lib/errors';
import { RECORDING_BYTES_MAX } from './limits';

export const UPLOAD_PURPOSES = ['AUDIO', 'DOCUMENT', 'VOICE_REFERENCE'] as const;
export type UploadPurpose = (typeof UPLOAD_PURPOSES)[number];

/** Media types of recordings, and what bytes of that type are found to be. */
const AUDIO_TYPES: Readonly<Record<string, readonly SniffedFormat[]>> = {
  'audio/wav': ['WAV'],
  'audio/x-wav': ['WAV'],
  'audio/wave': ['WAV'],
  'audio/vnd.wave': ['WAV'],
  'audio/mpeg': ['MP3'],
  'audio/mp3': ['MP3'],
  'audio/ogg': ['OGG', 'OGG_OPUS'],
  'audio/opus': ['OGG_OPUS'],
  'application/ogg': ['OGG', 'OGG_OPUS'],
  'audio/flac': ['FLAC'],
  'audio/x-flac': ['FLAC'],
  'audio/mp4': ['MP4'],
  'audio/m4a': ['MP4'],
  'audio/x-m4a': ['MP4'],
  'video/mp4': ['MP4'],
  'video/quicktime': ['MP4'],
  'audio/webm': ['WEBM'],
  'video/webm': ['WEBM'],
  'audio/x-matroska': ['WEBM'],
  'video/x-matroska': ['WEBM'],
  'audio/aac': ['AAC'],
  'audio/aacp': ['AAC'],
  'audio/x-aac': ['AAC'],
};

const TEXT: readonly SniffedFormat[] = ['TEXT', 'HTML', 'XML', 'JSON', 'EMPTY'];
const DOCUMENT_TYPES: Readonly<Record<string, readonly SniffedFormat[]>> = {
  'text/plain': TEXT,
  'text/markdown': TEXT,
  'text/html': TEXT,
  // It has no signature here; its own is looked at.
  'application/pdf': [],
};

interface PurposeRules {
  readonly types: Readonly<Record<string, readonly SniffedFormat[]>>;
  readonly bytesMax: number;
  /** Which capability a client token needs for it; null: only an API key may. */
  readonly capability: string | null;
}

export const PURPOSE_RULES: Readonly<Record<UploadPurpose, PurposeRules>> = {
  AUDIO: { types: AUDIO_TYPES, bytesMax: RECORDING_BYTES_MAX, capability: 'SPEECH_TO_TEXT' },
  DOCUMENT: { types: DOCUMENT_TYPES, bytesMax: 20 * 1_048_576, capability: 'RETRIEVAL' },
  VOICE_REFERENCE: { types: AUDIO_TYPES, bytesMax: 25 * 1_048_576, capability: null },
};

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:;[\w!#$&^.+-]+=(?:[\w!#$&^.+-]+|"[\w !#$&^.+,/-]*"))*$/;
const MEDIA_TYPE_MAX = 128;

/** In lower case and without white space, so that two spellings of one media type are equal. */
export const normaliseType = (contentType: string): string => contentType.replace(/\s+/g, '').toLowerCase();

const withoutParameters = (contentType: string): string => contentType.split(';', 1)[0]!;

/**
 * The declared type and size of an upload, checked against its purpose.
 * @returns the media type as it must arrive
 * @throws AppError BAD_USER_INPUT, UNSUPPORTED or PAYLOAD_TOO_LARGE
 */
export function checkDeclared(purpose: UploadPurpose, contentType: string, sizeBytes: number): string {
  const { types, bytesMax } = PURPOSE_RULES[purpose];
  const type = normaliseType(contentType);
  if (type.length > MEDIA_TYPE_MAX || !MEDIA_TYPE.test(type)) {
    throw badInput('contentType', 'contentType takes a media type, as "audio/wav".');
  }
  if (!(withoutParameters(type) in types)) {
    const supported = Object.keys(types);
    throw new AppError('UNSUPPORTED', `An upload for ${purpose} takes one of ${supported.join(', ')}.`, {
      field: 'contentType',
      supported,
    });
  }
  if (sizeBytes < 1) throw badInput('sizeBytes', 'sizeBytes takes the number of bytes that will be sent, 1 or more.');
  if (sizeBytes > bytesMax) {
    throw new AppError('PAYLOAD_TOO_LARGE', `An upload for ${purpose} takes at most ${bytesMax} bytes.`, {
      field: 'sizeBytes',
      limit: bytesMax,
      actual: sizeBytes,
    });
  }
  return type;
}

/**
 * Whether bytes are of the type that was declared, as far as their beginning tells. Bytes without a signature pass: whoever
 * reads them will find out.
 * @returns null where they fit, else what they are
 */
export function findOtherType(purpose: UploadPurpose, contentType: string, opening: Uint8Array): string | null {
  const type = withoutParameters(contentType);
  if (type === 'application/pdf') {
    return Buffer.from(opening.subarray(0, 1_024)).includes('%PDF-') ? null : 'no PDF';
  }
  const fitting = PURPOSE_RULES[purpose].types[type] ?? [];
  // A tag that MP3, AAC and FLAC may all begin with says nothing.
  if (isId3v2(opening, 0)) return purpose === 'DOCUMENT' ? 'audio' : null;
  const found = sniffFormat(opening);
  return found === 'UNKNOWN' || fitting.includes(found) ? null : nameOfFormat(found);
}
