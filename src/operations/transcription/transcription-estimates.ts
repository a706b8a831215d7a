import type { UsageEstimate } from '../../../schema/types/usage-estimate';
import type { Balances } from '../../billing/balances';
import type { ClientTokenBudgets } from '../../billing/client-token-budgets';
import type { PrincipalContext } from '../../identity/caller';
import { parseCredits } from '../../lib/credits';
import { AppError, badInput } from '../../lib/errors';
import { RECORDING_SECONDS_MAX } from '../../recordings/limits';
import type { Recordings } from '../../recordings/recordings';
import { estimatedCost, readPurse } from '../purse';
import type { TranscriptionPlanner } from './transcription-plan';
import { PLAIN_REQUEST } from './transcription-request';
import { type AudioFacts, UNKNOWN_AUDIO } from './transcription-route';

/** The input of `estimateTranscription`: exactly one of them. */
export interface EstimateInput {
  readonly audioSeconds?: string | null;
  readonly uploadId?: string | null;
}

/** Free answers to what a transcription would cost. Nothing is fetched and no audio is sent. */
export class TranscriptionEstimates {
  constructor(
    private readonly dependencies: {
      readonly planner: TranscriptionPlanner;
      readonly recordings: Recordings;
      readonly balances: Balances;
      readonly budgets: ClientTokenBudgets;
    },
  ) {}

  /** Of the provider that would serve a request that names none. */
  async estimate(context: PrincipalContext, input: EstimateInput): Promise<UsageEstimate> {
    const { planner, balances, budgets } = this.dependencies;
    const audio = await this.audioOf(context, input);
    const { routes, priced } = await planner.plan(PLAIN_REQUEST, audio, context);
    const [route] = routes;
    const { quote, credits } = priced.get(route)!;
    const cost = estimatedCost(await readPurse(context, { balances, budgets }), {
      expected: credits,
      atMost: credits,
      listAtMost: quote.listCredits(quote.units),
    });
    const seconds = audio.durationMs / 1_000;
    return {
      providerId: route.providerId,
      model: route.modelId,
      voiceId: null,
      byok: route.ownKey,
      characters: 0,
      allowanceCharacters: 0,
      inputTokens: 0,
      totalTokens: 0,
      audioSeconds: seconds,
      ...cost,
      summary: `This transcription will use ${seconds.toFixed(1)} seconds of audio and cost ${cost.credits} credits with ${route.name}.`,
    };
  }

  private async audioOf(
    context: PrincipalContext,
    { audioSeconds, uploadId }: EstimateInput,
  ): Promise<AudioFacts & { readonly durationMs: number }> {
    if (uploadId != null) {
      const { format, durationMs, sizeBytes } = await this.dependencies.recordings.inspectUpload(
        uploadId,
        context.principal,
      );
      return { format, durationMs, sizeBytes };
    }
    return { ...UNKNOWN_AUDIO, durationMs: millisecondsOf(audioSeconds ?? '') };
  }
}

/** Whole milliseconds, rounded up, as a probe would find them. */
function millisecondsOf(audioSeconds: string): number {
  const millionths = parseCredits(audioSeconds);
  if (millionths === null || millionths <= 0n) {
    throw badInput('audioSeconds', 'audioSeconds takes a decimal above 0 with at most 6 decimals, as "61.5".');
  }
  const milliseconds = (millionths + 999n) / 1_000n;
  if (milliseconds > BigInt(RECORDING_SECONDS_MAX) * 1_000n) {
    throw new AppError('PAYLOAD_TOO_LARGE', `Audio is at most ${RECORDING_SECONDS_MAX} seconds long.`, {
      field: 'audioSeconds',
      limit: RECORDING_SECONDS_MAX,
      actual: audioSeconds,
    });
  }
  return Number(milliseconds);
}
