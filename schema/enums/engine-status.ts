import { defineEnum } from './define-enum';

export const EngineStatus = defineEnum('EngineStatus', 'Where a version of the first-party engine stands.', {
  REGISTERED: 'It is known and serves nothing yet.',
  CANARY: 'It serves the voices that were named for it.',
  ACTIVE: 'It serves every voice that is not named for another.',
  RETIRED: 'It serves nothing any more.',
});
export type EngineStatus = keyof typeof EngineStatus;
