import type { PriceBookFault } from './price-book-faults';
import { versionSchema } from './price-book-file';

/** What the versions of one file must agree on, as far as each of them can be read. */
interface Outline {
  readonly path: string;
  readonly name: string | null;
  /** Milliseconds since the epoch. */
  readonly from: number | null;
  /** Ids; null where the list cannot be read whole. */
  readonly plans: readonly string[] | null;
}

/**
 * Faults that lie between versions: two of one name, dates that overlap, a plan that somebody may be on and that is gone.
 * @param listed the versions as they are in the file, well-formed or not
 */
export function checkVersions(listed: readonly unknown[]): PriceBookFault[] {
  const outlines = listed.map(outlineOf);
  return outlines.flatMap((outline, index) => {
    const earlier = outlines.slice(0, index);
    return [...nameFaults(outline, earlier), ...dateFaults(outline, earlier), ...planFaults(outline, earlier)];
  });
}

function nameFaults({ path, name }: Outline, earlier: readonly Outline[]): PriceBookFault[] {
  const same = name === null ? undefined : earlier.find((other) => other.name === name);
  if (!same) return [];
  return [
    {
      path: `${path}.version`,
      message: `is that of ${same.path} too; give each version its own, as usage events name the one that priced them`,
    },
  ];
}

function dateFaults({ path, from }: Outline, earlier: readonly Outline[]): PriceBookFault[] {
  const before = earlier.filter((other) => other.from !== null);
  const last = before[before.length - 1];
  if (from === null || !last || from > last.from!) return [];
  const same = before.find((other) => other.from === from);
  const message = same
    ? `is that of ${same.path} too, so that the dates of both overlap; give each version its own`
    : `is before that of ${last.path}, so that their dates overlap; list versions in the order in which they begin`;
  return [{ path: `${path}.effectiveFrom`, message }];
}

function planFaults({ path, plans }: Outline, earlier: readonly Outline[]): PriceBookFault[] {
  const previous = earlier[earlier.length - 1];
  if (!plans || !previous?.plans) return [];
  const gone = previous.plans.filter((id) => !plans.includes(id));
  return gone.map((id) => ({
    path: `${path}.plans`,
    message: `lacks the plan ${id} of ${previous.path}, which workspaces may be on; keep it in every later version`,
  }));
}

function outlineOf(version: unknown, index: number): Outline {
  const json = (typeof version === 'object' && version !== null ? version : {}) as Readonly<Record<string, unknown>>;
  const { shape } = versionSchema;
  const from = shape.effectiveFrom.safeParse(json.effectiveFrom).data;
  const plans = Array.isArray(json.plans) ? json.plans.map((plan) => (plan as { id?: unknown } | null)?.id) : [];
  return {
    path: `versions[${index}]`,
    name: shape.version.safeParse(json.version).data ?? null,
    from: from === undefined ? null : Date.parse(from),
    plans: plans.length > 0 && plans.every((id) => typeof id === 'string') ? (plans as string[]) : null,
  };
}
