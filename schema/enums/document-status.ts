import { defineEnum } from './define-enum';

export const DocumentStatus = defineEnum('DocumentStatus', 'Where a document stands on its way into a collection.', {
  PENDING: 'It waits for its turn.',
  PROCESSING: 'It is being read and divided into passages.',
  READY: 'It is found by searches.',
  FAILED: 'It could not be read; error says why.',
});
export type DocumentStatus = keyof typeof DocumentStatus;
