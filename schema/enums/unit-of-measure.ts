import { defineEnum } from './define-enum';

export const UnitOfMeasure = defineEnum('UnitOfMeasure', 'What a rate counts.', {
  CHARACTER: 'A Unicode code point of the text after NFC and trimming; the tags of SSML are left out.',
  AUDIO_SECOND: 'A second of audio, counted in whole milliseconds and rounded up.',
  INPUT_TOKEN: 'A token that a language model read.',
  OUTPUT_TOKEN: 'A token that a language model wrote.',
  REQUEST: 'One request.',
});
export type UnitOfMeasure = keyof typeof UnitOfMeasure;
