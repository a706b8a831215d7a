/** What usage can be told apart by, and the column of `usage_series` that says it. Lists are ordered in this order. */
export const DIMENSION_COLUMNS = {
  PROVIDER: 'provider_id',
  CAPABILITY: 'capability',
  MODEL: 'model',
  VOICE_ID: 'voice_id',
  VOICE_NAME: 'voice_name',
  LANGUAGE: 'language',
  STYLE: 'style',
  API_KEY: 'api_key_id',
  END_USER: 'end_user_id',
  CREDENTIAL: 'credential',
} as const;

export type Dimension = keyof typeof DIMENSION_COLUMNS;
export type DimensionColumn = (typeof DIMENSION_COLUMNS)[Dimension];

/** Each once, in the order of `DIMENSION_COLUMNS`: what is grouped by does not depend on how it was written. */
export function orderedDimensions(dimensions: readonly Dimension[]): readonly Dimension[] {
  const wanted = new Set(dimensions);
  return (Object.keys(DIMENSION_COLUMNS) as Dimension[]).filter((dimension) => wanted.has(dimension));
}
