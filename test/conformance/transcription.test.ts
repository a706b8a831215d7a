import { transcriptionConformance } from '../../providers/conformance';
import type { HttpTranscriptionAdapter } from '../../providers/contract/stt';
import { createTranscriptionProviders } from '../../providers/registry';
import { type Relay, startRelay } from './relay';

const providers = createTranscriptionProviders();
afterAll(async () => {
  await Promise.all([...providers.values()].map((provider) => provider.close()));
});

describe.each([...providers].map(([id, { declaration }]) => [id, declaration] as const))('%s', (id, declaration) => {
  let relay: Relay;
  beforeAll(async () => {
    relay = await startRelay(id);
  });
  afterAll(() => relay.close());

  const checks = transcriptionConformance({
    adapter: declaration as HttpTranscriptionAdapter,
    answer: (request) => relay.answer(request),
  });
  it.each(checks.map((check) => [check.name, check] as const))('%s', (_name, check) => check.run());
});
