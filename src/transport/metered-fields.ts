import {
  type DirectiveNode,
  type DocumentNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { checkLimit } from './document-limits';

/** Root fields that ask a provider to work. They are counted against the plan's requests a minute. */
export const METERED_FIELDS: ReadonlySet<string> = new Set([
  'synthesizeSpeech',
  'speechStream',
  'transcribe',
  'chat',
  'chatStream',
]);

type Variables = Readonly<Record<string, unknown>> | null | undefined;

/** What is known of an operation before its variables are. */
interface MeteredPlan {
  readonly operation: OperationDefinitionNode;
  /** null: @skip or @include with a variable decides. */
  readonly count: number | null;
}

const plans = new WeakMap<DocumentNode, Map<string, MeteredPlan>>();

/**
 * Metered root fields of the operation that will run, after @skip, @include and fragments. Fields that merge into one
 * (same name in the answer) run once and count once. 0 where no such operation is in the document: nothing will run.
 * @throws AppError QUERY_TOO_LARGE with what METERED_FIELDS above the limit.
 */
export function countMeteredFields(
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Variables,
): number {
  let ofDocument = plans.get(document);
  if (!ofDocument) {
    ofDocument = new Map();
    plans.set(document, ofDocument);
  }
  const name = operationName ?? '';
  let plan = ofDocument.get(name) ?? null;
  if (plan === null) {
    plan = planOf(document, operationName);
    // Names come from clients: only those of the document are kept.
    if (plan) ofDocument.set(name, plan);
  }
  if (!plan) return 0;
  const metered = plan.count ?? count(document, plan.operation, variables).metered;
  checkLimit('meteredFields', metered);
  return metered;
}

function planOf(document: DocumentNode, operationName: string | null | undefined): MeteredPlan | null {
  const operations = document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
  const operation = operationName
    ? operations.find((node) => node.name?.value === operationName)
    : operations.length === 1
      ? operations[0]
      : undefined;
  if (!operation) return null;
  const { metered, conditional } = count(document, operation, null);
  return { operation, count: conditional ? null : metered };
}

function count(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
): { readonly metered: number; readonly conditional: boolean } {
  const responseNames = new Set<string>();
  const spread = new Set<string>();
  const open: SelectionSetNode[] = [operation.selectionSet];
  let conditional = false;
  const variableOf = (name: string): unknown => {
    conditional = true;
    if (variables && Object.hasOwn(variables, name)) return variables[name];
    const declared = operation.variableDefinitions?.find((node) => node.variable.name.value === name)?.defaultValue;
    return declared?.kind === Kind.BOOLEAN ? declared.value : undefined;
  };
  for (let set = open.pop(); set; set = open.pop()) {
    for (const selection of set.selections) {
      if (selection.directives?.length && !runs(selection.directives, variableOf)) continue;
      if (selection.kind === Kind.FIELD) {
        if (METERED_FIELDS.has(selection.name.value)) responseNames.add((selection.alias ?? selection.name).value);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        open.push(selection.selectionSet);
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = document.definitions.find(
          (node) => node.kind === Kind.FRAGMENT_DEFINITION && node.name.value === selection.name.value,
        );
        if (fragment?.kind === Kind.FRAGMENT_DEFINITION) open.push(fragment.selectionSet);
      }
    }
  }
  return { metered: responseNames.size, conditional };
}

/** Whether the executor will run it. A value that is no boolean stops the whole operation, so it may count as running. */
function runs(directives: readonly DirectiveNode[], variableOf: (variable: string) => unknown): boolean {
  return directives.every((directive) => {
    const name = directive.name.value;
    if (name !== 'skip' && name !== 'include') return true;
    const node = directive.arguments?.find((argument) => argument.name.value === 'if')?.value;
    const value =
      node?.kind === Kind.VARIABLE ? variableOf(node.name.value) : node?.kind === Kind.BOOLEAN ? node.value : undefined;
    return name === 'skip' ? value !== true : value !== false;
  });
}
