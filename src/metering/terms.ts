/** What is done; the names are those of the public schema. */
export const CAPABILITIES = ['TEXT_TO_SPEECH', 'SPEECH_TO_TEXT', 'LANGUAGE_MODEL', 'EMBEDDING', 'RETRIEVAL'] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** What a rate is for. AUDIO_SECOND is written in seconds and measured in whole milliseconds. */
export const UNITS_OF_MEASURE = ['CHARACTER', 'AUDIO_SECOND', 'INPUT_TOKEN', 'OUTPUT_TOKEN', 'REQUEST'] as const;
export type UnitOfMeasure = (typeof UNITS_OF_MEASURE)[number];

export const VOICE_QUALITIES = ['STANDARD', 'PREMIUM', 'ULTRA'] as const;
export type VoiceQuality = (typeof VOICE_QUALITIES)[number];

/**
 * What the plans' characters count and pay for: nothing, speech of first-party voices, or all speech. The plans'
 * limits of characters a request and of qualities hold for the same speech.
 */
export const ALLOWANCE_SCOPES = ['NONE', 'FIRST_PARTY_SPEECH', 'ALL_SPEECH'] as const;
export type AllowanceScope = (typeof ALLOWANCE_SCOPES)[number];

/**
 * Units that price a capability. Speech is priced by exactly one of its units; a language model by both of its; a
 * search by REQUEST and ingested text by CHARACTER.
 */
export const UNITS_OF_CAPABILITY: Readonly<Record<Capability, readonly UnitOfMeasure[]>> = {
  TEXT_TO_SPEECH: ['CHARACTER', 'AUDIO_SECOND'],
  SPEECH_TO_TEXT: ['AUDIO_SECOND'],
  LANGUAGE_MODEL: ['INPUT_TOKEN', 'OUTPUT_TOKEN'],
  EMBEDDING: ['INPUT_TOKEN'],
  RETRIEVAL: ['REQUEST', 'CHARACTER'],
};
