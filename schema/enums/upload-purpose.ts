import { defineEnum } from './define-enum';

export const UploadPurpose = defineEnum(
  'UploadPurpose',
  'What a file is for; it decides the limits of size and type.',
  {
    AUDIO: 'Audio for transcribe: WAV, MP3, Ogg, FLAC, MP4, WebM or AAC of at most 100 MiB.',
    DOCUMENT: 'A document for a collection: text, Markdown, HTML or PDF of at most 20 MiB.',
    VOICE_REFERENCE: 'A clip of a voice for its making: audio of at most 25 MiB.',
  },
);
export type UploadPurpose = keyof typeof UploadPurpose;
