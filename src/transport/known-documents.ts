import { type DocumentNode, getOperationAST, OperationTypeNode } from 'graphql';

/** A request in the plainest form that GraphQL over HTTP has, whose document has been found valid before. */
export interface KnownRequest {
  readonly document: DocumentNode;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>> | null;
  /** What the answer is called, as was negotiated for this `accept` before. */
  readonly contentType: string;
}

export interface PlainRequest {
  readonly method: string;
  readonly headers: { readonly accept?: string; readonly 'content-type'?: string };
  readonly body: unknown;
}

const DOCUMENTS_MAX = 1_000;
/** Larger documents are rare, and would fill the memory. */
const KEPT_LENGTH_MAX = 20_000;
const ACCEPTS_MAX = 100;
const ACCEPT_LENGTH_MAX = 200;
const PLAIN_CONTENT_TYPE = /^application\/json(; *charset=utf-8)?$/i;
const PLAIN_FIELDS: ReadonlySet<string> = new Set(['query', 'operationName', 'variables']);

/**
 * Documents that Apollo Server has parsed and validated, and the media types that it has chosen. A request that asks
 * for one of them in the plainest form can be executed at once; every other form stays Apollo's, as does the first of
 * each. Measured with one field, Apollo's way to the execution takes longer than everything else that is done for the
 * request.
 */
export class KnownDocuments {
  private readonly documents = new Map<string, DocumentNode>();
  private readonly contentTypes = new Map<string, string>();

  /** Keeps a document that has passed validation. */
  learnDocument(source: string, document: DocumentNode): void {
    if (source.length > KEPT_LENGTH_MAX || this.documents.has(source)) return;
    makeRoom(this.documents, DOCUMENTS_MAX);
    this.documents.set(source, document);
  }

  has(source: string): boolean {
    return this.documents.has(source);
  }

  /** Keeps what an answer was called for an `accept` header. */
  learnContentType(accept: string | undefined, contentType: string | undefined): void {
    const key = accept ?? '';
    if (contentType === undefined || key.length > ACCEPT_LENGTH_MAX || this.contentTypes.has(key)) return;
    makeRoom(this.contentTypes, ACCEPTS_MAX);
    this.contentTypes.set(key, contentType);
  }

  /** null: anything that is not plain and known. */
  find({ method, headers, body }: PlainRequest): KnownRequest | null {
    if (method !== 'POST' || typeof body !== 'object' || body === null) return null;
    const { query, operationName = null, variables = null } = body as Record<string, unknown>;
    if (typeof query !== 'string') return null;
    const document = this.documents.get(query);
    const contentType = this.contentTypes.get(headers.accept ?? '');
    if (document === undefined || contentType === undefined) return null;
    if (!PLAIN_CONTENT_TYPE.test(headers['content-type'] ?? '')) return null;
    for (const field in body) if (!PLAIN_FIELDS.has(field)) return null;
    if (typeof variables !== 'object' || Array.isArray(variables)) return null;
    if (operationName !== null && typeof operationName !== 'string') return null;
    const operation = getOperationAST(document, operationName);
    if (!operation || operation.operation === OperationTypeNode.SUBSCRIPTION) return null;
    return { document, operationName, variables: variables as Record<string, unknown> | null, contentType };
  }
}

function makeRoom(map: Map<string, unknown>, max: number): void {
  if (map.size >= max) map.delete(map.keys().next().value!);
}
