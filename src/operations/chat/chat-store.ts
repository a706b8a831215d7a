import type { Database } from '../../db/database';
import type { Answer, AnswerDelta } from './answer';

/** An answer as it is kept: whole, with the pieces in which its listeners got it. */
export interface KeptAnswer extends Answer {
  /** Empty for one that was not streamed. */
  readonly deltas: readonly AnswerDelta[];
}

/** Written short, as every token of a streamed answer is one. */
type WrittenDelta = string | readonly [index: number, id: string | null, name: string | null, text: string];
type WrittenAnswer = Answer & { readonly deltas: readonly WrittenDelta[] };

/** Answers, kept for as long as their idempotency keys bring them again. */
export class ChatStore {
  constructor(private readonly database: Database) {}

  async keep(operationId: string, workspaceId: string, answer: Answer, deltas: readonly AnswerDelta[]): Promise<void> {
    const written: WrittenAnswer = {
      ...answer,
      deltas: deltas.map(({ content, toolCall: call }) =>
        call === null ? content : ([call.index, call.id, call.name, call.arguments] as const),
      ),
    };
    await this.database.query(
      'INSERT INTO chats (operation_id, workspace_id, answer) VALUES ($1, $2, $3)',
      [operationId, workspaceId, Buffer.from(JSON.stringify(written))],
      'chat_keep',
    );
  }

  /** null where it is no longer kept. */
  async find(operationId: string, workspaceId: string): Promise<KeptAnswer | null> {
    const { rows } = await this.database.query<{ answer: Buffer }>(
      'SELECT answer FROM chats WHERE operation_id = $1 AND workspace_id = $2',
      [operationId, workspaceId],
      'chat_find',
    );
    if (!rows[0]) return null;
    const written = JSON.parse(rows[0].answer.toString('utf8')) as WrittenAnswer;
    return {
      ...written,
      deltas: written.deltas.map((delta) => {
        if (typeof delta === 'string') return { content: delta, toolCall: null };
        const [index, id, name, text] = delta;
        return { content: '', toolCall: { index, id, name, arguments: text } };
      }),
    };
  }

  /** Removes what no key brings again: keys live 24 hours from an operation's begin. */
  async removeOld(): Promise<void> {
    await this.database.query(`DELETE FROM chats WHERE created_at < ledger_now() - interval '25 hours'`);
  }
}
