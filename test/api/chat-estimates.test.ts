import type { TestWorkspace } from '../support/test-server';
import { type ChatServer, chat, HELLO, startChatServer, user } from './support/chat-api';
import { leaveCredits } from './support/credits';
import { standing } from './support/speech-api';

let server: ChatServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startChatServer({ storm: true });
});
beforeEach(async () => {
  workspace = await server.createWorkspace({ credits: '100' });
});
afterAll(() => server?.close());

const ESTIMATE = `query Estimate($input: ChatInput!) { estimateChat(input: $input) {
  provider { id } model voiceId byok characters allowanceCharacters inputTokens totalTokens audioSeconds
  credits creditsAtMost costUsd balanceAfter affordable summary
} }`;
interface EstimateFields {
  readonly model: string;
  readonly byok: boolean;
  readonly credits: string;
  readonly creditsAtMost: string;
  readonly balanceAfter: string;
  readonly affordable: boolean;
}
const estimate = async (
  input: Readonly<Record<string, unknown>> = HELLO,
  client: Pick<TestWorkspace, 'data'> = workspace,
  headers?: Readonly<Record<string, string>>,
): Promise<EstimateFields> =>
  (await client.data<{ estimateChat: EstimateFields }>(ESTIMATE, { input }, headers)).estimateChat;

it('says what a chat is expected to use and cost, and the most that it can', async () => {
  const before = await standing(server, workspace);
  expect(await estimate()).toEqual({
    provider: { id: 'openai' },
    model: 'openai/gpt-4.1-mini',
    voiceId: null,
    byok: false,
    characters: 0,
    allowanceCharacters: 0,
    inputTokens: 6,
    totalTokens: 306,
    audioSeconds: 0,
    credits: '0.906',
    creditsAtMost: '12.41',
    costUsd: '0.000906',
    balanceAfter: '99.094',
    affordable: true,
    summary: 'This answer will use about 306 tokens.',
  });
  expect(await standing(server, workspace)).toEqual(before);
  expect(server.openai.calls).toEqual([]);
});

it('what it says at most is what is held', async () => {
  for (const input of [HELLO, { ...HELLO, model: 'gpt-4.1', maxOutputTokens: 7, messages: [user('x'.repeat(999))] }]) {
    const { creditsAtMost, credits } = await estimate(input);
    const { usage } = await chat(workspace, input);
    expect([usage.heldCredits, usage.estimatedCredits]).toEqual([creditsAtMost, credits]);
  }
});

it('follows provider, model, room for the answer, and the dearest of the routes', async () => {
  const [mini, full, brief, routed] = await Promise.all([
    estimate(),
    estimate({ ...HELLO, model: 'gpt-4.1' }),
    estimate({ ...HELLO, maxOutputTokens: 10 }),
    estimate({ ...HELLO, routing: { fallbacks: [{ provider: 'anthropic' }] } }),
  ]);
  expect(Number(full.credits)).toBeGreaterThan(Number(mini.credits));
  expect(Number(brief.creditsAtMost)).toBeLessThan(Number(mini.creditsAtMost));
  expect(routed).toMatchObject({ model: 'openai/gpt-4.1-mini', credits: mini.credits });
  expect(Number(routed.creditsAtMost)).toBeGreaterThan(Number(mini.creditsAtMost));
});

it('is affordable as long as what is held is there', async () => {
  await leaveCredits(server, workspace.workspaceId, '12.41');
  expect(await estimate()).toMatchObject({ affordable: true, balanceAfter: '11.504' });
  await leaveCredits(server, workspace.workspaceId, '12.409');
  expect(await estimate()).toMatchObject({ affordable: false });
  await leaveCredits(server, workspace.workspaceId, '0.5');
  expect(await estimate()).toMatchObject({ affordable: false, balanceAfter: '0' });
  const own = await estimate(HELLO, workspace, { 'x-provider-key-openai': 'mine' });
  expect(own).toMatchObject({ byok: true, credits: '0', creditsAtMost: '0', affordable: true });
});

it("speaks of a client token's own budget", async () => {
  const { createClientToken } = await workspace.data<{ createClientToken: { token: string } }>(
    'mutation { createClientToken(input: { ttlSeconds: 600, capabilities: [LANGUAGE_MODEL], maxCredits: "12" }) { token } }',
  );
  const token = server.anonymous.as(createClientToken.token);
  expect(await estimate(HELLO, token)).toMatchObject({ affordable: false, balanceAfter: '11.094' });
  expect(await estimate({ ...HELLO, maxOutputTokens: 100 }, token)).toMatchObject({ affordable: true });
  const own = { 'x-provider-key-openai': 'mine' };
  expect(await estimate(HELLO, token, own)).toMatchObject({ affordable: false, credits: '0' });
});
