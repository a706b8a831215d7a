import { defineEnum } from './define-enum';

export const CircuitState = defineEnum('CircuitState', 'Whether the platform sends requests to a provider.', {
  CLOSED: 'Requests go out as usual.',
  HALF_OPEN: 'After failures and a rest, one request at a time goes out to see whether it has recovered.',
  OPEN: 'It failed too often; for a while no request goes out.',
});
export type CircuitState = keyof typeof CircuitState;
