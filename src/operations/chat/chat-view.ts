import type { ChatPayload } from '../../../schema/types/chat';
import type { OperationUsage } from '../../../schema/types/operation-usage';
import type { UsageEventRow } from '../../ledger/usage-event';
import { OperationUsageView } from '../views/operation-usage-view';
import type { Answer } from './answer';

/** An answer and what it cost, as the schema shows them. */
export function chatView({ content, toolCalls, finishReason }: Answer, event: UsageEventRow): ChatPayload {
  const usage = new OperationUsageView(event) as OperationUsage;
  return {
    message: { role: 'ASSISTANT', content, toolCalls },
    finishReason,
    citations: [],
    usage,
    stages: [usage],
  };
}
