import { defineEnum } from './define-enum';

export const ApiKeyScope = defineEnum(
  'ApiKeyScope',
  'What an API key may do. A key gives away only scopes that it holds itself.',
  {
    METERED: 'Operations that cost credits, their streams and deletions, uploads, collections, and client tokens.',
    READ: 'Every query and live subscription that no other scope names.',
    BILLING: 'Checkout, top-up, billing portal, plan, overage limit and invoices.',
    MANAGE: 'API keys, provider credentials, webhooks, alert rules and limits of end users.',
    ADMIN: "The operator's own: workspaces, grants, voices and engine versions. Opens no tenant's data.",
  },
);
export type ApiKeyScope = keyof typeof ApiKeyScope;
