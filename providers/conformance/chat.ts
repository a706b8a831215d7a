import assert from 'node:assert/strict';
import type { ChatCall, ChatPiece, ChatTool, HttpChatAdapter } from '../contract/llm';
import type { CallOptions } from '../contract/provider';
import { httpChatProvider } from '../http/chat-provider';
import { adapterFaults } from '../modules/check-adapter';
import {
  type Check,
  type ConformanceOptions,
  callOptions,
  credentialFor,
  isServed,
  sharedChecks,
  withStandIn,
} from './check';
import type { StandIn, StandInRequest } from './stand-in';

export interface ChatConformanceOptions extends ConformanceOptions {
  readonly adapter: HttpChatAdapter;
}

const QUESTION = 'Which bird is named after the sound that it makes in spring?';
const TOOL: ChatTool = {
  name: 'look_up',
  description: 'Looks a bird up.',
  parameters: {
    type: 'object',
    properties: { bird: { type: 'string' } },
    required: ['bird'],
    additionalProperties: false,
  },
};

/** A call of an adapter's default model with one question. */
export function chatCallOf(adapter: HttpChatAdapter, changes: Partial<ChatCall> = {}): ChatCall {
  const model = changes.model ?? adapter.models.find(({ name }) => name === adapter.defaultModel)!;
  return {
    model,
    messages: [{ role: 'USER', content: QUESTION }],
    tools: [],
    responseSchema: null,
    temperature: null,
    maxOutputTokens: Math.min(256, model.maxOutputTokens),
    streaming: false,
    ...changes,
  };
}

/** Every model with everything that it declares, one thing at a time; each is asked whole and streaming. */
function everyChoice(adapter: HttpChatAdapter): (readonly [string, Partial<ChatCall>])[] {
  const choices = adapter.models.filter(isServed).flatMap((model): (readonly [string, Partial<ChatCall>])[] => {
    const { temperature } = model;
    return [
      [`the model ${model.name}`, { model }],
      [
        `a conversation with the model ${model.name}`,
        {
          model,
          messages: [
            { role: 'SYSTEM', content: 'Answer in one word.' },
            { role: 'USER', content: QUESTION },
            { role: 'ASSISTANT', content: 'The cuckoo.', toolCalls: [] },
            { role: 'USER', content: 'Are you sure?' },
          ],
        },
      ],
      ...(temperature === null ? [] : [temperature.min, temperature.max]).map(
        (value) => [`temperature ${value} of the model ${model.name}`, { model, temperature: value }] as const,
      ),
      ...(model.tools
        ? ([
            [`a tool of the model ${model.name}`, { model, tools: [TOOL] }],
            [
              `the result of a tool for the model ${model.name}`,
              {
                model,
                tools: [TOOL],
                messages: [
                  { role: 'USER', content: QUESTION },
                  {
                    role: 'ASSISTANT',
                    content: '',
                    toolCalls: [{ id: 'call_1', name: TOOL.name, arguments: '{"bird":"cuckoo"}' }],
                  },
                  { role: 'TOOL', content: 'A bird of spring.', toolCallId: 'call_1' },
                ],
              },
            ],
          ] as const)
        : []),
      ...(model.responseSchema
        ? [[`a schema of the model ${model.name}`, { model, responseSchema: TOOL.parameters }] as const]
        : []),
    ];
  });
  return choices.flatMap(([name, changes]) => [
    [`${name}, whole,`, { ...changes, streaming: false }] as const,
    [`${name}, streamed,`, { ...changes, streaming: true }] as const,
  ]);
}

function assertAnswer(pieces: readonly ChatPiece[]): void {
  assert.equal(pieces.filter(({ kind }) => kind === 'finish').length, 1, 'an answer has one finish');
  const counts = pieces.flatMap((piece) => (piece.kind === 'usage' ? [piece.usage] : []));
  assert.ok(counts.length > 0, 'an answer has its usage');
  for (const { inputTokens, outputTokens } of counts) {
    assert.ok(Number.isSafeInteger(inputTokens) && inputTokens >= 0, 'the input tokens are no count');
    assert.ok(Number.isSafeInteger(outputTokens) && outputTokens >= 0, 'the output tokens are no count');
  }
  const calls = pieces.flatMap((piece) => (piece.kind === 'tool-call' ? [piece] : []));
  const indexes = [...new Set(calls.map(({ index }) => index))];
  assert.deepEqual(indexes, [...indexes.keys()], 'tool calls are numbered from 0 without gaps');
  for (const index of indexes) {
    const parts = calls.filter((part) => part.index === index);
    assert.ok(
      parts.some(({ id }) => id !== null) && parts.some(({ name }) => name !== null),
      'a tool call has no name',
    );
    JSON.parse(parts.map((part) => part.arguments).join('') || '{}');
  }
  const text = textOf(pieces);
  assert.ok(text !== '' || calls.length > 0, 'an answer has a text or a tool call');
}

function textOf(pieces: readonly ChatPiece[]): string {
  return pieces.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('');
}

/**
 * What the platform relies on from an adapter of language models, each as a check of its own, against a stand-in for its
 * provider. The stand-in answers a text, or calls the tool that it is given.
 */
export function chatConformance(options: ChatConformanceOptions): Check[] {
  const { adapter } = options;
  const declared: Check = {
    name: 'it declares all of itself, and nothing that contradicts the rest',
    run: async () => assert.deepEqual(adapterFaults('chat', adapter), []),
  };
  if (adapterFaults('chat', adapter).length > 0) return [declared];
  const credential = credentialFor(adapter);
  const isCall = options.isCall ?? (({ method }: StandInRequest) => method === 'POST');
  const chat = async (standIn: StandIn, call: ChatCall, more: CallOptions): Promise<ChatPiece[]> => {
    const provider = httpChatProvider(adapter, { baseUrl: standIn.url });
    try {
      const pieces: ChatPiece[] = [];
      for await (const piece of (await provider.chat(call, more)).pieces) pieces.push(piece);
      return pieces;
    } finally {
      await provider.close();
    }
  };
  const streamed = chatCallOf(adapter, { streaming: true });
  return [
    declared,
    ...everyChoice(adapter).map(([name, changes]) => ({
      name: `${name} is asked for as documented, and answered with its usage`,
      run: () =>
        withStandIn(options, async (standIn) =>
          assertAnswer(await chat(standIn, chatCallOf(adapter, changes), callOptions(credential))),
        ),
    })),
    {
      name: 'text is forwarded before the rest of it exists',
      run: () =>
        withStandIn(options, async (standIn) => {
          let release = (): void => {};
          const until = new Promise<void>((resolve) => {
            release = resolve;
          });
          standIn.faultOf = (request) => (isCall(request) ? { kind: 'hold-last', until } : null);
          const provider = httpChatProvider(adapter, { baseUrl: standIn.url });
          const { pieces } = await provider.chat(streamed, callOptions(credential));
          const reader = pieces[Symbol.asyncIterator]();
          assert.equal((await reader.next()).done, false, 'there was no piece');
          release();
          while (!(await reader.next()).done);
          await provider.close();
        }),
    },
    {
      name: 'the text is the same, however the answer is cut into pieces',
      run: () =>
        withStandIn(options, async (standIn) => {
          const texts: string[] = [];
          for (const pieceBytes of [1_000_000, 61, 1]) {
            standIn.pieceBytes = pieceBytes;
            texts.push(textOf(await chat(standIn, streamed, callOptions(credential))));
          }
          assert.deepEqual(texts, [texts[0], texts[0], texts[0]]);
        }),
    },
    {
      name: 'leaving a stream ends the request at the provider',
      run: () =>
        withStandIn(options, async (standIn) => {
          standIn.faultOf = (request) =>
            isCall(request) ? { kind: 'hold-last', until: new Promise<void>(() => {}) } : null;
          const provider = httpChatProvider(adapter, { baseUrl: standIn.url });
          const { pieces } = await provider.chat(streamed, callOptions(credential));
          for await (const _piece of pieces) break;
          await standIn.when(() => standIn.left === 1);
          await provider.close();
        }),
    },
    {
      name: 'a stream that is cut is a failure, whatever had come',
      run: () =>
        withStandIn(options, async (standIn) => {
          standIn.faultOf = (request) => (isCall(request) ? { kind: 'cut' } : null);
          await assert.rejects(chat(standIn, streamed, callOptions(credential)), { kind: 'UNAVAILABLE' });
        }),
    },
    ...sharedChecks(adapter, options, {
      texts: [QUESTION],
      call: (standIn, more) => chat(standIn, chatCallOf(adapter), more),
    }),
  ];
}
