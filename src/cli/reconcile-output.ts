import type { OpenReason } from '../reconciliation/find-by-request';
import { formatQuantity } from '../reconciliation/quantity';
import { hasDrift, type Reconciliation, type Resolution } from '../reconciliation/report';
import type { Differences, RequestDifference, RequestFindings } from '../reconciliation/request-matching';
import { type Column, tableLines } from './text-table';

export interface ReconcileAnswer {
  readonly report: Reconciliation;
  /** null: nothing was to be resolved. */
  readonly resolution: Resolution | null;
}

/** Examples that people are shown of each kind of difference; JSON has more. */
const EXAMPLES_SHOWN = 5;
const EXAMPLES_MAX = 20;

const COLUMNS: readonly Column[] = [
  { title: 'DATE' },
  { title: 'UNIT' },
  { title: 'OURS', right: true },
  { title: 'THEIRS', right: true },
  { title: 'DRIFT', right: true },
];

const REASONS: Readonly<Record<OpenReason, string>> = {
  AMBIGUOUS: 'more than one request could be it',
  OTHER_LENGTH: 'requests were listed at that time, but none of its length',
  QUANTITY_NOT_TOLD: 'the provider does not tell how much it counted',
  NOT_CLOSED: 'the provider may not have counted all of that day yet; run it again a day later',
  NOT_EXPLAINED: 'the drift of its day is not explained by what was lost on it',
  NOT_TOLD: 'the provider tells nothing that it could be held against',
};

const KINDS: readonly (readonly [keyof Omit<RequestFindings, 'matched'>, string])[] = [
  ['notListed', 'operations of ours that the provider does not list'],
  ['otherQuantity', 'requests with another quantity there'],
  ['countedFailures', 'attempts that failed for us and were counted there'],
  ['unclaimed', 'requests that belong to no operation of ours'],
];

/** Reports of parts of a span, in order, as one of the whole. */
export function merged(parts: readonly ReconcileAnswer[]): ReconcileAnswer {
  const [first, ...rest] = parts;
  return rest.reduce<ReconcileAnswer>(
    ({ report, resolution }, { report: next, resolution: found }) => ({
      report: {
        provider: report.provider,
        start: report.start,
        end: next.end,
        countedAt: report.countedAt,
        rows: [...report.rows, ...next.rows],
        notCompared: [...report.notCompared, ...next.notCompared],
        unresolved: report.unresolved + next.unresolved,
        requests: report.requests && next.requests && bothFindings(report.requests, next.requests),
      },
      resolution: resolution &&
        found && {
          resolved: [...resolution.resolved, ...found.resolved],
          open: [...resolution.open, ...found.open],
        },
    }),
    first!,
  );
}

function bothFindings(one: RequestFindings, other: RequestFindings): RequestFindings {
  const both = (kind: keyof Omit<RequestFindings, 'matched'>): Differences => ({
    count: one[kind].count + other[kind].count,
    examples: [...one[kind].examples, ...other[kind].examples].slice(0, EXAMPLES_MAX),
  });
  return {
    matched: one.matched + other.matched,
    notListed: both('notListed'),
    otherQuantity: both('otherQuantity'),
    countedFailures: both('countedFailures'),
    unclaimed: both('unclaimed'),
  };
}

export function jsonOf({ report, resolution }: ReconcileAnswer): unknown {
  const { provider, start, end, countedAt, rows, notCompared, unresolved, requests } = report;
  return {
    provider,
    start,
    end,
    countedAt,
    drift: hasDrift(report),
    rows: rows.map(({ date, unit, ours, theirs, drift, drifted }) => ({
      date,
      unit,
      ours: formatQuantity(ours),
      theirs: formatQuantity(theirs),
      drift: formatQuantity(drift),
      drifted,
    })),
    notCompared,
    unresolved,
    requests: requests && {
      matched: requests.matched,
      ...Object.fromEntries(
        KINDS.map(([kind]) => {
          const { count, examples } = requests[kind];
          return [kind, { count, examples: examples.map(exampleOf) }];
        }),
      ),
    },
    ...(resolution && {
      resolved: resolution.resolved,
      open: resolution.open.map(({ event, reason }) => ({
        eventId: event.id,
        workspaceId: event.workspace_id,
        createdAt: event.created_at,
        reason,
      })),
    }),
  };
}

const exampleOf = ({ ours, theirs, ...rest }: RequestDifference) => ({
  ...rest,
  ours: ours === null ? null : formatQuantity(ours),
  theirs: theirs === null ? null : formatQuantity(theirs),
});

export function linesOf({ report, resolution }: ReconcileAnswer): string[] {
  return [
    ...(report.rows.length > 0 ? tableLines(COLUMNS, report.rows.map(cellsOf)) : []),
    ...verdict(report),
    ...(report.requests ? requestLines(report.requests) : []),
    ...(resolution ? resolutionLines(resolution) : []),
    ...(report.unresolved > 0
      ? [
          `${report.unresolved} lost ${report.unresolved === 1 ? 'operation waits' : 'operations wait'} to be found${resolution ? '' : '; --resolve looks for them'}.`,
        ]
      : []),
  ];
}

function cellsOf({ date, unit, ours, theirs, drift, drifted }: Reconciliation['rows'][number]): string[] {
  const text = formatQuantity(drift);
  const signed = drift > 0n ? `+${text}` : text;
  return [date, unit, formatQuantity(ours), formatQuantity(theirs), drifted || drift === 0n ? signed : `(${signed})`];
}

function verdict(report: Reconciliation): string[] {
  const { provider, start, end, rows, notCompared } = report;
  const days = `${start.toISOString().slice(0, 10)} to ${new Date(end.getTime() - 1).toISOString().slice(0, 10)}`;
  const drifted = rows.filter((row) => row.drifted).length;
  const first = hasDrift(report)
    ? `Drift: ${drifted} of ${rows.length} ${rows.length === 1 ? 'row differs' : 'rows differ'} (${provider}, ${days}).`
    : `No drift (${provider}, ${days}).`;
  const rounded = rows.some((row) => !row.drifted && row.drift !== 0n);
  return [
    first,
    ...(rounded ? ["In brackets: within the rounding of the provider's sums."] : []),
    ...(notCompared.length > 0
      ? [`Not compared, as the provider's sum holds other products too: ${notCompared.join(', ')}.`]
      : []),
  ];
}

function requestLines(requests: RequestFindings): string[] {
  return [
    `${requests.matched} ${requests.matched === 1 ? 'request is' : 'requests are'} on both sides.`,
    ...KINDS.flatMap(([kind, title]) => {
      const { count, examples } = requests[kind];
      if (count === 0) return [];
      const shown = examples.slice(0, EXAMPLES_SHOWN).map(differenceLine);
      return [`${count} ${title}:`, ...shown, ...(count > shown.length ? [`  and ${count - shown.length} more`] : [])];
    }),
  ];
}

function differenceLine(difference: RequestDifference): string {
  const { at, requestId, eventId, workspaceId, unit, ours, theirs } = exampleOf(difference);
  const event = eventId === null ? '' : `, event ${eventId} of workspace ${workspaceId}`;
  return `  ${at}  request ${requestId ?? '-'}${event}: ours ${ours ?? '-'}, theirs ${theirs ?? '-'} ${unit}`;
}

function resolutionLines({ resolved, open }: Resolution): string[] {
  return [
    `${resolved.length} lost ${resolved.length === 1 ? 'operation was' : 'operations were'} found.`,
    ...resolved.map(
      ({ eventId, workspaceId, counted }) => `  event ${eventId} of workspace ${workspaceId}: ${counted}`,
    ),
    ...open.map(
      ({ event, reason }) => `  event ${event.id} of workspace ${event.workspace_id} waits: ${REASONS[reason]}`,
    ),
  ];
}
