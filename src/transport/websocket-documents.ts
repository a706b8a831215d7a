import { type DocumentNode, GraphQLError, type GraphQLSchema, validate } from 'graphql';
import { checkDocumentLimits, parseDocument } from './document-limits';

const DOCUMENTS_MAX = 500;
/** Larger documents are rare, and would fill the memory. */
const KEPT_LENGTH_MAX = 20_000;

/** Documents that came over sockets, parsed and found to be valid; those that come again are not looked at twice. */
export class WebsocketDocuments {
  private readonly known = new Map<string, DocumentNode>();

  constructor(private readonly schema: GraphQLSchema) {}

  /**
   * The document, or what makes it invalid, under the codes that HTTP gives.
   * @throws GraphQLError when it cannot be parsed; AppError QUERY_TOO_LARGE.
   */
  read(source: string): DocumentNode | readonly GraphQLError[] {
    const known = this.known.get(source);
    if (known) return known;
    const document = parse(source);
    checkDocumentLimits(document);
    const faults = validate(this.schema, document);
    if (faults.length > 0) return faults.map((fault) => withCode(fault, 'GRAPHQL_VALIDATION_FAILED'));
    if (source.length <= KEPT_LENGTH_MAX) {
      if (this.known.size >= DOCUMENTS_MAX) this.known.delete(this.known.keys().next().value!);
      this.known.set(source, document);
    }
    return document;
  }
}

function parse(source: string): DocumentNode {
  try {
    return parseDocument(source);
  } catch (error) {
    throw error instanceof GraphQLError ? withCode(error, 'GRAPHQL_PARSE_FAILED') : error;
  }
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  error.extensions.code ??= code;
  return error;
}
