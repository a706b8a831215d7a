import { formatCredits, type MicroCredits, micro, parseCredits } from '../../src/lib/credits';
import { newId } from '../../src/lib/ids';
import type { GraphqlClient } from './graphql-client';

/** ElevenLabs in the storm price book: 166 credits per 1,000 characters, without a remainder for any number of them. */
const MICRO_PER_CHARACTER = 166_000n;
/** The most that its default model takes at once, so that the stand-in is called once for each call. */
const CHARACTERS_AT_ONCE = 10_000;

export const priceOf = (characters: number): MicroCredits => micro(MICRO_PER_CHARACTER * BigInt(characters));

/** A workspace on the plan `storm`, without a credit. */
export async function createStormWorkspace(admin: GraphqlClient): Promise<{ id: string; key: string }> {
  const { createWorkspace } = await admin.data<{ createWorkspace: { workspace: { id: string }; secret: string } }>(
    'mutation { createWorkspace(input: { name: "Storm", plan: "storm" }) { workspace { id } secret } }',
  );
  return { id: createWorkspace.workspace.id, key: createWorkspace.secret };
}

export async function grantCredits(admin: GraphqlClient, workspaceId: string, credits: bigint): Promise<void> {
  await admin.data('mutation Grant($input: GrantCreditsInput!) { grantCredits(input: $input) { grant { id } } }', {
    input: {
      workspaceId,
      kind: 'ADJUSTMENT',
      credits: formatCredits(credits),
      reason: 'storm',
      idempotencyKey: newId(),
    },
  });
}

export interface StormBalance {
  readonly remaining: MicroCredits;
  readonly held: MicroCredits;
  readonly used: MicroCredits;
}

export async function readBalance(client: GraphqlClient): Promise<StormBalance> {
  const { balance } = await client.data<{ balance: { remaining: string; held: string; used: string } }>(
    '{ balance { remaining held used } }',
  );
  return {
    remaining: parseCredits(balance.remaining)!,
    held: parseCredits(balance.held)!,
    used: parseCredits(balance.used)!,
  };
}

/**
 * Spends a balance to the last micro-credit, and sees that a character more is refused: nothing is held by a ghost, and
 * nothing is given away.
 *
 * @throws Error that says what could not be spent
 */
export async function spendAll(client: GraphqlClient): Promise<void> {
  const { remaining } = await readBalance(client);
  if (remaining % MICRO_PER_CHARACTER !== 0n) {
    throw new Error(`${formatCredits(remaining)} credits are no price of whole characters`);
  }
  let characters = Number(remaining / MICRO_PER_CHARACTER);
  while (characters > 0) {
    const taken = Math.min(characters, CHARACTERS_AT_ONCE);
    const code = await speakAs(client, taken);
    if (code !== undefined) throw new Error(`${characters} paid characters remain, and ${taken} got ${code}`);
    characters -= taken;
  }
  const code = await speakAs(client, 1);
  if (code !== 'INSUFFICIENT_CREDITS') throw new Error(`a call without a credit got ${code ?? 'served'}`);
  const left = await readBalance(client);
  if (left.remaining !== 0n || left.held !== 0n) throw new Error(`${formatCredits(left.remaining)} credits are left`);
}

async function speakAs(client: GraphqlClient, characters: number): Promise<string | undefined> {
  const { code } = await client.graphql(
    'mutation Spend($input: SynthesizeSpeechInput!) { synthesizeSpeech(input: $input) { usage { credits } } }',
    { input: { provider: 'elevenlabs', text: 'a'.repeat(characters) } },
  );
  return code;
}
