import { formatCredits } from '../lib/credits';
import type { RerateLine, RerateSums } from './rerate-report';
import { type Column, tableLine } from './text-table';

type Write = (text: string) => void;

/** Where the lines of a rerating go, workspace by workspace. */
export interface RerateOutput {
  line(line: RerateLine): void;
  end(total: RerateSums): void;
}

export interface RerateHead {
  readonly from: Date;
  readonly to: Date;
  /** As it was named. */
  readonly book: string;
  readonly bookVersion?: string;
}

const sumFields = (sums: RerateSums) => ({
  events: sums.events,
  charged: formatCredits(sums.charged),
  repriced: formatCredits(sums.repriced),
  difference: formatCredits(sums.repriced - sums.charged),
  withoutPrice: sums.withoutPrice,
  refused: sums.refused,
  leftOut: formatCredits(sums.leftOut),
  cut: sums.cut,
});

/** One JSON document, written as it grows. */
export class JsonOutput implements RerateOutput {
  private begun = false;
  private first = true;

  constructor(
    private readonly write: Write,
    private readonly head: RerateHead,
  ) {}

  line({ workspaceId, capability, provider, model, ...sums }: RerateLine): void {
    this.begin();
    const fields = { workspaceId, capability, provider, model, ...sumFields(sums) };
    this.write(`${this.first ? '' : ','}${JSON.stringify(fields)}`);
    this.first = false;
  }

  end(total: RerateSums): void {
    this.begin();
    this.write(`],"total":${JSON.stringify(sumFields(total))}}\n`);
  }

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    const { from, to, book, bookVersion = null } = this.head;
    this.write(`${JSON.stringify({ from, to, book, bookVersion }).slice(0, -1)},"lines":[`);
  }
}

const COLUMNS: readonly Column[] = [
  { title: 'WORKSPACE', width: 36 },
  { title: 'CAPABILITY', width: 14 },
  { title: 'PROVIDER', width: 12 },
  { title: 'MODEL', width: 24 },
  { title: 'EVENTS', width: 8, right: true },
  { title: 'CHARGED', width: 18, right: true },
  { title: 'REPRICED', width: 18, right: true },
  { title: 'DIFFERENCE', width: 18, right: true },
];

/** A table, written as it grows, with a line for whatever is not in its sums. */
export class TableOutput implements RerateOutput {
  private begun = false;

  constructor(private readonly out: Write) {}

  line(line: RerateLine): void {
    this.begin();
    const { workspaceId, capability, provider, model } = line;
    this.write(tableLine(COLUMNS, [workspaceId, capability, provider ?? '-', model ?? '-', ...cellsOf(line)]));
    this.remarks(line, '  ');
  }

  end(total: RerateSums): void {
    this.begin();
    this.write(tableLine(COLUMNS, ['TOTAL', '', '', '', ...cellsOf(total)]));
    this.remarks(total, '');
  }

  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.write(
      tableLine(
        COLUMNS,
        COLUMNS.map(({ title }) => title),
      ),
    );
  }

  private remarks({ withoutPrice, refused, leftOut, cut }: RerateSums, indent: string): void {
    if (withoutPrice > 0) this.write(`${indent}without a price in this book: ${withoutPrice}`);
    if (refused > 0) this.write(`${indent}refused under this book, past the allowance: ${refused}`);
    if (withoutPrice + refused > 0) this.write(`${indent}left out of the sums: ${formatCredits(leftOut)} credits`);
    if (cut > 0) this.write(`${indent}cut, as the hold was too small: ${cut}`);
  }

  private write(text: string): void {
    this.out(`${text}\n`);
  }
}

function cellsOf(sums: RerateSums): string[] {
  const { charged, repriced, difference } = sumFields(sums);
  return [String(sums.events), charged, repriced, difference.startsWith('-') ? difference : `+${difference}`];
}
