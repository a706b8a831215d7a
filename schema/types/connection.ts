import type { PageInfo } from './page-info';

/** One item of a page; the cursor is opaque, and bound to the workspace, the query and its filter. */
export interface Edge<Node> {
  readonly cursor: string;
  readonly node: Node;
}

/** One page of a list. Each list has a GraphQL type of its own, named by what it lists; this is their common form. */
export interface Connection<Node> {
  readonly edges: readonly Edge<Node>[];
  readonly pageInfo: PageInfo;
}
