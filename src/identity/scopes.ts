/** What an API key may do, in the order in which scopes are kept and shown. */
export const SCOPES = ['METERED', 'READ', 'BILLING', 'MANAGE', 'ADMIN'] as const;
export type Scope = (typeof SCOPES)[number];

/** Of a key that is created without naming any. */
export const DEFAULT_SCOPES: readonly Scope[] = ['METERED', 'READ'];
/** Of a workspace's first key: everything that a customer can do. */
export const OWNER_SCOPES: readonly Scope[] = ['METERED', 'READ', 'BILLING', 'MANAGE'];
/** Of the operator's own key, which spends nothing: it reads and manages its own workspace and administers the rest. */
export const OPERATOR_SCOPES: readonly Scope[] = ['READ', 'MANAGE', 'ADMIN'];
/** The most that a client token ever holds. */
export const CLIENT_TOKEN_SCOPES: readonly Scope[] = ['METERED', 'READ'];

/** Each once and in the order of SCOPES. */
export const inOrder = (scopes: Iterable<Scope>): Scope[] => {
  const held = new Set(scopes);
  return SCOPES.filter((scope) => held.has(scope));
};
