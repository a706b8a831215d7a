import type { z } from 'zod';
import { chatSchema, speechSchema, transcriptionSchema } from './adapter-schemas';

export const ADAPTER_CAPABILITIES = ['speech', 'transcription', 'chat'] as const;
export type AdapterCapability = (typeof ADAPTER_CAPABILITIES)[number];

const SCHEMAS: Readonly<Record<AdapterCapability, z.ZodType>> = {
  speech: speechSchema,
  transcription: transcriptionSchema,
  chat: chatSchema,
};

/** What keeps a value from being an adapter, each with its field and what to write there; none for one that is complete. */
export function adapterFaults(capability: AdapterCapability, adapter: unknown): string[] {
  const { error } = SCHEMAS[capability].safeParse(adapter);
  return (error?.issues ?? []).map(({ path, message }) => {
    const field = path.reduce<string>(
      (before, part) => (typeof part === 'number' ? `${before}[${part}]` : `${before}${before && '.'}${String(part)}`),
      '',
    );
    return field === '' ? message : `${field}: ${message}`;
  });
}
