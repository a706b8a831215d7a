import { defineEnum } from './define-enum';

export const ExportFormat = defineEnum('ExportFormat', 'Form of an exported list. Both are UTF-8.', {
  CSV: 'Comma-separated values (RFC 4180) under a row of names. A cell that begins with = + - @ or a control character has an apostrophe before it, so that no spreadsheet takes it for a formula. What is null is empty; what is no plain value is JSON.',
  JSONL: 'JSON Lines: one object a line, with the names and values of the schema.',
});
export type ExportFormat = keyof typeof ExportFormat;
