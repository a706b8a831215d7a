import type { ModelDeclaration } from '../../../providers/contract/provider';
import { AppError, badInput } from '../../lib/errors';
import type { Retirement } from './candidate';

/** The provider that a name such as "elevenlabs/eleven_v3" begins with; null for a bare name. */
export function prefixOf(name: string | null, providers: ReadonlyMap<string, unknown>): string | null {
  const slash = name?.indexOf('/') ?? -1;
  if (slash < 1) return null;
  const prefix = name!.slice(0, slash);
  return providers.has(prefix) ? prefix : null;
}

/**
 * A name without its provider.
 * @throws AppError BAD_USER_INPUT for a name of another provider
 */
export function bareName(
  field: string,
  name: string | null,
  providerId: string,
  providers: ReadonlyMap<string, unknown>,
): string | null {
  const prefix = prefixOf(name, providers);
  if (name === null || prefix === null) return name;
  if (prefix !== providerId) {
    const what = field.slice(field.lastIndexOf('.') + 1);
    throw badInput(
      field,
      `The ${what} "${name}" belongs to ${prefix}, not to ${providerId}. Name a ${what} of ${providerId} or leave it out.`,
    );
  }
  return name.slice(prefix.length + 1);
}

/** Models of one capability of one provider. */
export interface ModelChoice<Model extends ModelDeclaration> {
  readonly providerId: string;
  readonly name: string;
  readonly models: readonly Model[];
  readonly defaultModel: string;
  /** What the models do, as people call it: "speech". */
  readonly kind: string;
}

export interface ChosenModel<Model extends ModelDeclaration> {
  readonly model: Model;
  /** Set where it was asked for by name and is retired all the same. */
  readonly retirement: Retirement | null;
}

/** Whether the provider has stopped serving it at a time, in milliseconds since the epoch. */
export const isRetired = (model: ModelDeclaration, now: number): boolean =>
  model.retiredAt !== undefined && Date.parse(model.retiredAt) <= now;

/**
 * The model that a bare name means; null takes the provider's default, which is never a retired one. A retired model
 * that is asked for by name is tried, unless its successor may take its place.
 * @throws AppError BAD_USER_INPUT, with the models there are
 */
export function chooseModel<Model extends ModelDeclaration>(
  { providerId, name, models, defaultModel, kind }: ModelChoice<Model>,
  asked: string | null,
  { now, allowSuccessor, field = 'model' }: { now: number; allowSuccessor: boolean; field?: string },
): ChosenModel<Model> {
  const model = models.find((candidate) => candidate.name === (asked ?? defaultModel));
  if (!model) {
    throw new AppError('BAD_USER_INPUT', `${name} has no ${kind} model "${asked ?? defaultModel}".`, {
      field,
      supported: models.map((candidate) => `${providerId}/${candidate.name}`),
    });
  }
  if (!isRetired(model, now)) return { model, retirement: null };
  const successor = successorOf(model, models, now);
  if (successor && (asked === null || allowSuccessor)) return { model: successor, retirement: null };
  const living = asked === null ? models.find((candidate) => !isRetired(candidate, now)) : undefined;
  if (living) return { model: living, retirement: null };
  return {
    model,
    retirement: { retiredAt: model.retiredAt!, successor: successor && `${providerId}/${successor.name}` },
  };
}

/** The first model in the line of successors that is served. */
function successorOf<Model extends ModelDeclaration>(
  model: Model,
  models: readonly Model[],
  now: number,
): Model | null {
  const passed = new Set<string>();
  let next: Model | undefined = model;
  while (next && isRetired(next, now) && !passed.has(next.name)) {
    passed.add(next.name);
    const { successor }: ModelDeclaration = next;
    next = models.find((candidate) => candidate.name === successor);
  }
  return next && !isRetired(next, now) ? next : null;
}
