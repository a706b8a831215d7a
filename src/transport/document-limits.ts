import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  parse,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { AppError } from '../lib/errors';

/** What a document may hold. The introspection query of GraphiQL is 15 levels deep. */
export const DOCUMENT_LIMITS = {
  /** Lexical tokens; a string counts once, whatever its length. For `parse`, which stops there. */
  tokens: 10_000,
  /** Operations and fragments. */
  definitions: 100,
  /** Fields, spreads and inline fragments as written. Validation compares fields pairwise, hence the limit. */
  selections: 2_000,
  /** Levels of fields and inline fragments, named fragments in their place. */
  depth: 20,
  aliases: 50,
  /** Fields of the answer if every page of a list came full. */
  complexity: 50_000,
  /** Metered root fields of the operation that runs. */
  meteredFields: 20,
} as const;

/** Items of a page: when `first` is left out, and at most. */
const PAGE_DEFAULT = 50;
const PAGE_MAX = 100;
/** Lists whose pages are larger when `first` is left out. */
const FULL_PAGES: ReadonlySet<string> = new Set(['voiceUsage']);
/** Far beyond any admitted depth, and far below what would exhaust the stack. */
const RECURSION_MAX = 500;

const NAMES = {
  definitions: ['DEFINITIONS', 'operations and fragments'],
  selections: ['SELECTIONS', 'selections'],
  depth: ['DEPTH', 'levels'],
  aliases: ['ALIASES', 'aliases'],
  complexity: ['COMPLEXITY', 'fields in its answer'],
  meteredFields: ['METERED_FIELDS', 'metered fields'],
} as const;

/** @throws AppError QUERY_TOO_LARGE with what, limit and actual, when there is more than the limit. */
export function checkLimit(what: keyof typeof NAMES, actual: number): void {
  const limit = DOCUMENT_LIMITS[what];
  if (actual <= limit) return;
  const [name, noun] = NAMES[what];
  throw new AppError('QUERY_TOO_LARGE', `The document has more than ${limit} ${noun}; send it in parts.`, {
    what: name,
    limit,
    actual: Math.min(actual, Number.MAX_SAFE_INTEGER),
  });
}

/**
 * Parses a document of bounded size.
 * @throws GraphQLError when it is not GraphQL or has too many tokens; AppError QUERY_TOO_LARGE when it is nested so
 * deep that the parser's stack ends.
 */
export function parseDocument(source: string): DocumentNode {
  try {
    return parse(source, { maxTokens: DOCUMENT_LIMITS.tokens });
  } catch (error) {
    if (error instanceof GraphQLError || !(error instanceof RangeError)) throw error;
    checkLimit('depth', RECURSION_MAX);
    throw error;
  }
}

/** Of a selection set. Its fields in the answer are `fixed + perItem x page`, the page being its parent's. */
interface Shape {
  readonly depth: number;
  readonly fixed: number;
  readonly perItem: number;
}
const EMPTY: Shape = { depth: 0, fixed: 0, perItem: 0 };

/** Visits every selection set of a document once; what a fragment holds is kept for the places that spread it. */
class DocumentMeasure {
  selections = 0;
  aliases = 0;
  private recursion = 0;
  private readonly fragments = new Map<string, FragmentDefinitionNode>();
  private readonly shapes = new Map<string, Shape>();

  constructor(private readonly document: DocumentNode) {
    for (const node of document.definitions) {
      if (node.kind === Kind.FRAGMENT_DEFINITION) this.fragments.set(node.name.value, node);
    }
  }

  total(): { readonly depth: number; readonly complexity: number } {
    let depth = 0;
    let complexity = 0;
    for (const node of this.document.definitions) {
      if (node.kind === Kind.FRAGMENT_DEFINITION) depth = Math.max(depth, this.ofFragment(node.name.value).depth);
      if (node.kind !== Kind.OPERATION_DEFINITION) continue;
      const shape = this.ofSet(node.selectionSet);
      depth = Math.max(depth, shape.depth);
      complexity += shape.fixed + shape.perItem * PAGE_DEFAULT;
    }
    return { depth, complexity };
  }

  private ofSet(set: SelectionSetNode): Shape {
    this.recursion += 1;
    if (this.recursion > RECURSION_MAX) checkLimit('depth', this.recursion);
    let [depth, fixed, perItem] = [0, 0, 0];
    for (const selection of set.selections) {
      this.selections += 1;
      const shape = this.ofSelection(selection);
      depth = Math.max(depth, shape.depth);
      fixed += shape.fixed;
      perItem += shape.perItem;
    }
    this.recursion -= 1;
    return { depth, fixed, perItem };
  }

  private ofSelection(selection: SelectionNode): Shape {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return this.ofFragment(selection.name.value);
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      const shape = this.ofSet(selection.selectionSet);
      return { ...shape, depth: shape.depth + 1 };
    }
    if (selection.alias) this.aliases += 1;
    if (!selection.selectionSet) return { depth: 1, fixed: 1, perItem: 0 };
    const inner = this.ofSet(selection.selectionSet);
    const weight = inner.fixed + inner.perItem * pageOf(selection);
    // The edges of a connection come as often as its page has items, and the page is named by the field above them.
    return selection.name.value === 'edges'
      ? { depth: inner.depth + 1, fixed: 0, perItem: 1 + weight }
      : { depth: inner.depth + 1, fixed: 1 + weight, perItem: 0 };
  }

  /** A fragment that spreads itself is refused by validation; here it must only come to an end. */
  private ofFragment(name: string): Shape {
    const known = this.shapes.get(name);
    if (known) return known;
    const fragment = this.fragments.get(name);
    this.shapes.set(name, EMPTY);
    const shape = fragment ? this.ofSet(fragment.selectionSet) : EMPTY;
    this.shapes.set(name, shape);
    return shape;
  }
}

/** Variables count as the largest page, so that the answer depends on the document alone. */
function pageOf(field: FieldNode): number {
  const first = field.arguments?.find((argument) => argument.name.value === 'first')?.value;
  if (first?.kind === Kind.INT) return Math.min(Math.max(Number(first.value), 1), PAGE_MAX);
  return first?.kind === Kind.VARIABLE || FULL_PAGES.has(field.name.value) ? PAGE_MAX : PAGE_DEFAULT;
}

const withinLimits = new WeakSet<DocumentNode>();

/**
 * Refuses a document that is too large to be worth validating; call it before validation. A document that has passed
 * is remembered.
 * @throws AppError QUERY_TOO_LARGE with what, limit and actual.
 */
export function checkDocumentLimits(document: DocumentNode): void {
  if (withinLimits.has(document)) return;
  checkLimit('definitions', document.definitions.length);
  const measure = new DocumentMeasure(document);
  const { depth, complexity } = measure.total();
  checkLimit('depth', depth);
  checkLimit('aliases', measure.aliases);
  checkLimit('selections', measure.selections);
  checkLimit('complexity', complexity);
  withinLimits.add(document);
}
