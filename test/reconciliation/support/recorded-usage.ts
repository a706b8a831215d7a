import type { Database } from '../../../src/db/database';
import type { AttemptRecord } from '../../../src/ledger/entries';
import { newId } from '../../../src/lib/ids';

export interface RecordedEvent {
  readonly workspaceId: string;
  /** When it began; it settled two seconds later, an UNKNOWN one after 70. */
  readonly at: string | number;
  readonly settledAt?: number;
  readonly provider?: string;
  readonly capability?: 'TEXT_TO_SPEECH' | 'SPEECH_TO_TEXT' | 'LANGUAGE_MODEL';
  readonly model?: string;
  readonly status?: 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'UNKNOWN';
  readonly credential?: 'PLATFORM' | 'STORED_KEY' | 'REQUEST_KEY';
  readonly characters?: number;
  readonly audioMilliseconds?: number;
  readonly estimatedAudioMilliseconds?: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly providerCount?: { readonly unit: string; readonly quantity: number };
  readonly requestIds?: readonly string[];
  /** In place of one that was served for each of requestIds. */
  readonly attempts?: readonly Partial<AttemptRecord>[];
}

/** Usage events of any time, as settled operations leave them. */
export class RecordedUsage {
  private sequence = 0;

  constructor(private readonly database: Database) {}

  async workspace(): Promise<string> {
    const id = newId();
    await this.database.query("INSERT INTO workspaces (id, name) VALUES ($1, 'Test')", [id]);
    await this.database.query(
      `INSERT INTO accounts (workspace_id, plan_id, billing_anchor, period_start, period_end, next_change_at)
       VALUES ($1, 'free', '2020-01-01Z', '2020-01-01Z', '2020-02-01Z', '2020-02-01Z')`,
      [id],
    );
    return id;
  }

  /** The event's id. */
  async event(event: RecordedEvent): Promise<string> {
    const { provider = 'elevenlabs', status = 'SUCCEEDED', credential = 'PLATFORM', requestIds = [] } = event;
    const began = typeof event.at === 'number' ? event.at : Date.parse(event.at);
    const settled = event.settledAt ?? began + (status === 'UNKNOWN' ? 70_000 : 2_000);
    const id = newId(began);
    const attempts =
      event.attempts?.map((attempt) => ({ provider, credential, outcome: 'SERVED', ...attempt })) ??
      requestIds.map((upstreamRequestId) => ({ provider, credential, outcome: 'SERVED', upstreamRequestId }));
    await this.database.query(
      `INSERT INTO usage_events (id, workspace_id, sequence, capability, status, provider_id, model, credential, characters,
         input_tokens, output_tokens, audio_milliseconds, requests, allowance_characters, estimated_audio_milliseconds,
         held_credits, credits, overage_credits, cost_usd_e10, balance_after, attempts, provider_count, rate_card_version,
         period_number, created_at, settled_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, $14, 0, 0, 0, 0, 0, $15, $16, 'v', 0, $17, $18)`,
      [
        id,
        event.workspaceId,
        ++this.sequence,
        event.capability ?? 'TEXT_TO_SPEECH',
        status,
        provider,
        event.model ?? `${provider}/model`,
        credential,
        event.characters ?? 0,
        event.inputTokens ?? 0,
        event.outputTokens ?? 0,
        event.audioMilliseconds ?? 0,
        attempts.length,
        event.estimatedAudioMilliseconds ?? null,
        JSON.stringify(attempts),
        event.providerCount ?? null,
        new Date(began),
        new Date(settled),
      ],
    );
    return id;
  }

  async reconciled(id: string): Promise<{ readonly done: boolean; readonly status: string; readonly count: unknown }> {
    const { rows } = await this.database.query<{ done: boolean; status: string; count: unknown; credits: string }>(
      'SELECT reconciled_at IS NOT NULL AS done, status, provider_count AS count, credits FROM usage_events WHERE id = $1',
      [id],
    );
    const { credits, ...rest } = rows[0]!;
    if (credits !== '0') throw new Error(`event ${id} was charged`);
    return rest;
  }
}
