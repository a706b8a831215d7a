import { type Check, engineConformance, speechConformance } from '../../providers/conformance';
import { createSpeechProviders } from '../../providers/registry';
import { type Relay, startRelay } from './relay';

const providers = createSpeechProviders();
afterAll(async () => {
  await Promise.all([...providers.values()].map((provider) => provider.close()));
});

describe.each([...providers].map(([id, { declaration }]) => [id, declaration] as const))('%s', (id, declaration) => {
  let relay: Relay;
  beforeAll(async () => {
    relay = await startRelay(id);
  });
  afterAll(() => relay.close());

  const adapter = declaration as Parameters<typeof speechConformance>[0]['adapter'];
  const checks: Check[] =
    'synthesize' in declaration
      ? engineConformance(declaration as unknown as Parameters<typeof engineConformance>[0])
      : speechConformance({ adapter, answer: (request) => relay.answer(request) });
  it.each(checks.map((check) => [check.name, check] as const))('%s', (_name, check) => check.run());
});
