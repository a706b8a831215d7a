import { Gate } from '../support/provider-stub';
import { priceOf, readBalance } from '../support/storm-credits';
import { describeStorm } from './support/storm-servers';

const CALLS = 50;
const TEXT = 'Fifty callers ask for this, and one is charged.';

const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { replayed speech { id } usage { credits } }
}`;

interface SpeakData extends Record<string, unknown> {
  readonly synthesizeSpeech: {
    readonly replayed: boolean;
    readonly speech: { readonly id: string };
    readonly usage: { readonly credits: string };
  };
}

describeStorm('50 concurrent calls with one idempotency key', (servers) => {
  it('are one call of the provider, one charge and one id', async () => {
    const { stub } = servers();
    const workspace = await servers().workspaceFor(CALLS * TEXT.length);
    const callsBefore = stub.calls;
    const gate = new Gate();
    stub.fault(({ operation }) => (operation === 'speech' ? { kind: 'gated', gate } : undefined));
    const input = { provider: 'elevenlabs', text: TEXT, idempotencyKey: 'the-one' };
    const speaking = Array.from({ length: CALLS }, (_, n) => workspace.client(n).data<SpeakData>(SPEAK, { input }));
    await stub.when(({ calls }) => calls > callsBefore);
    // The provider is at work on the first; an answer to a later question says that the rest have been taken in.
    await Promise.all(workspace.clients.map(readBalance));
    gate.open();
    const answers = (await Promise.all(speaking)).map(({ synthesizeSpeech }) => synthesizeSpeech);
    stub.fault(null);

    expect(stub.calls - callsBefore).toBe(1);
    expect(new Set(answers.map(({ speech }) => speech.id)).size).toBe(1);
    expect(new Set(answers.map(({ usage }) => usage.credits))).toEqual(new Set(['7.802']));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    const { used, held } = await readBalance(workspace.client(1));
    expect({ used, held }).toEqual({ used: priceOf(TEXT.length), held: 0n });
    expect(await servers().findings(workspace.id)).toEqual([]);
  });
});
