import { moveClock } from '../support/database';
import { Gate } from '../support/provider-stub';
import { ending, failing, text, toolCall } from '../support/scripted-chat';
import type { TestWorkspace } from '../support/test-server';
import { ask, type ChatServer, chat, chatEvents, HELLO, startChatServer } from './support/chat-api';
import { onlyError, refusalOf } from './support/speech-api';

let server: ChatServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startChatServer({ storm: true });
});
beforeEach(async () => {
  workspace = await server.createWorkspace({ credits: '1000' });
  server.openai.script = () => [...text('Hello', ' there.'), ...ending({ inputTokens: 10, outputTokens: 4 })];
});
afterEach(async () => {
  expect((await server.verifyLedger()).findings).toEqual([]);
});
afterAll(() => server?.close());

let keys = 0;
const keyed = (changes: Record<string, unknown> = {}) => ({ ...HELLO, idempotencyKey: `chat-${++keys}`, ...changes });
/** Requests to the provider since the last look. */
let seen = 0;
const calls = (): number => {
  const before = seen;
  seen = server.openai.calls.length;
  return seen - before;
};
const asked = async (count: number): Promise<void> => {
  while (server.openai.calls.length < seen + count) await new Promise(setImmediate);
};
beforeEach(() => void calls());

it('50 chats at once under one key are one: one call, one charge, one answer', async () => {
  const input = keyed();
  const answers = await Promise.all(Array.from({ length: 50 }, () => chat(workspace, input)));
  expect(calls()).toBe(1);
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  expect(await chatEvents(workspace)).toEqual([answers[0]!.usage]);
});

it('a chat runs to its end when its caller has gone, and its key brings the answer', async () => {
  const gate = new Gate();
  server.openai.script = () => [
    ...text('Hello'),
    gate,
    ...text(' again.'),
    ...ending({ inputTokens: 10, outputTokens: 4 }),
  ];
  const input = keyed();
  const left = new AbortController();
  const gone = workspace
    .send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query: 'mutation ($input: ChatInput!) { chat(input: $input) { finishReason } }',
        variables: { input },
      }),
      signal: left.signal,
    })
    .catch(() => 'gone');
  await asked(1);
  left.abort();
  expect(await gone).toBe('gone');
  const again = chat(workspace, input);
  gate.open();
  expect((await again).message.content).toBe('Hello again.');
  expect(calls()).toBe(1);
  expect(server.openai.calls.at(-1)).toMatchObject({ aborted: false, answered: true });
  expect(await chatEvents(workspace)).toMatchObject([{ status: 'SUCCEEDED', credits: '0.022' }]);
});

it('the same key answers the same again, tools and odd characters included, and charges nothing', async () => {
  server.openai.script = () => [
    ...text('NUL \0 and half a pair \ud83d, "quoted"'),
    toolCall(0, 'a', 'look_up', '{"city":"Rome"}'),
    ...ending({ inputTokens: 10, outputTokens: 4 }, 'TOOL_CALLS'),
  ];
  const input = keyed();
  const once = await chat(workspace, input);
  const again = await workspace.graphql<{ chat: typeof once }>(
    'mutation ($input: ChatInput!) { chat(input: $input) { message { content toolCalls { id name arguments } } finishReason usage { id credits } } }',
    { input },
  );
  expect(again.data!.chat).toEqual({
    message: { content: once.message.content, toolCalls: once.message.toolCalls },
    finishReason: 'TOOL_CALLS',
    usage: { id: once.usage.id, credits: once.usage.credits },
  });
  expect(again.headers).toMatchObject({ 'x-usage-total-tokens': '0' });
  expect(calls()).toBe(1);
});

it('another process of the same data brings it too', async () => {
  const input = keyed();
  const once = await chat(workspace, input);
  const other = await startChatServer({ storm: true, ...server.data });
  try {
    const client = other.anonymous.as(workspace.key);
    expect(await chat(client, input)).toEqual(once);
    expect(other.openai.calls).toEqual([]);
  } finally {
    await other.close();
  }
});

it('another input under the key is a CONFLICT, and so is another own key', async () => {
  const input = keyed();
  await chat(workspace, input);
  calls();
  for (const changes of [
    { temperature: 1 },
    { messages: [{ role: 'USER', content: 'Hello!' }] },
    { model: 'gpt-4.1' },
  ]) {
    expect(onlyError(await ask(workspace, { ...input, ...changes })).extensions.code).toBe('CONFLICT');
  }
  expect(onlyError(await ask(workspace, input, { 'x-provider-key-openai': 'mine' })).extensions.code).toBe('CONFLICT');
  expect(calls()).toBe(0);
});

it('a key is of its workspace and its operation alone', async () => {
  const input = keyed();
  const other = await server.createWorkspace({ credits: '1000' });
  const [ours, theirs] = await Promise.all([chat(workspace, input), chat(other, input)]);
  expect(ours.usage.id).not.toBe(theirs.usage.id);
  expect(calls()).toBe(2);
  const speech = await refusalOf(workspace, { text: '', idempotencyKey: input.idempotencyKey });
  expect(speech.extensions.code).toBe('BAD_USER_INPUT');
});

it('after a failure the key runs again', async () => {
  const input = keyed();
  server.openai.script = () => [failing('openai', 'REJECTED')];
  expect(onlyError(await ask(workspace, input)).extensions.code).toBe('PROVIDER_REJECTED');
  server.openai.script = () => [...text('Hello'), ...ending({ inputTokens: 10, outputTokens: 4 })];
  expect((await chat(workspace, input)).message.content).toBe('Hello');
  expect((await chatEvents(workspace)).map(({ status }) => status)).toEqual(['SUCCEEDED', 'FAILED']);
});

it('those who waited for one that failed run it once more, together', async () => {
  const gate = new Gate();
  server.openai.script = () => [gate, failing('openai', 'REJECTED')];
  const input = keyed();
  const first = ask(workspace, input);
  await asked(1);
  const others = Array.from({ length: 10 }, () => ask(workspace, input));
  server.openai.script = () => [...text('Hello'), ...ending({ inputTokens: 10, outputTokens: 4 })];
  gate.open();
  expect(onlyError(await first).extensions.code).toBe('PROVIDER_REJECTED');
  for (const answer of await Promise.all(others)) expect(answer.data?.chat?.message.content).toBe('Hello');
  expect(calls()).toBe(2);
});

it('timeoutMs ends a chat that nobody has had any of at no cost, and its key runs again', async () => {
  const input = keyed({ routing: { timeoutMs: 1_000 } });
  server.openai.script = () => [...text('Hel'), new Gate()];
  expect(onlyError(await ask(workspace, input)).extensions).toMatchObject({
    code: 'ABORTED',
    usage: { status: 'ABORTED', credits: '0', inputTokens: 0, outputTokens: 0 },
  });
  expect(server.openai.calls.at(-1)!.aborted).toBe(true);
  server.openai.script = () => [...text('Hello'), ...ending({ inputTokens: 10, outputTokens: 4 })];
  expect((await chat(workspace, input)).message.content).toBe('Hello');
  expect((await chatEvents(workspace)).map(({ status }) => status)).toEqual(['SUCCEEDED', 'ABORTED']);
});

it('a chat without a key is not kept at all', async () => {
  const { usage } = await chat(workspace);
  const { rows } = await server.database.query('SELECT 1 FROM chats WHERE operation_id = $1', [usage.id]);
  expect(rows).toEqual([]);
});

it('an answer that could not be kept is not charged', async () => {
  await server.database.query('ALTER TABLE chats RENAME TO chats_elsewhere');
  try {
    expect(onlyError(await ask(workspace, keyed())).extensions.code).toBe('UNAVAILABLE');
  } finally {
    await server.database.query('ALTER TABLE chats_elsewhere RENAME TO chats');
  }
  expect(await chatEvents(workspace)).toMatchObject([{ status: 'FAILED', credits: '0' }]);
});

// Last, as the clock of the database stays moved.
it('answers are kept for a day and gone after it', async () => {
  const input = keyed();
  const once = await chat(workspace, input);
  await moveClock(server.database, 24 * 3_600_000 - 60_000);
  expect((await chat(workspace, input)).usage.id).toBe(once.usage.id);
  await moveClock(server.database, 120_000);
  expect((await chat(workspace, input)).usage.id).not.toBe(once.usage.id);
});
