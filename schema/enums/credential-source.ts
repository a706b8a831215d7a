import type { CredentialSource as ProviderCredentialSource } from '../../providers/contract/credential';
import { defineEnum } from './define-enum';

export const CredentialSource = defineEnum('CredentialSource', 'Whose key paid the provider.', {
  PLATFORM: "The platform's own key; the operation costs credits.",
  STORED_KEY: 'A key that the workspace has stored; the operation costs no credits.',
  REQUEST_KEY: 'A key that came with the request, in a header or in connectionParams; the operation costs no credits.',
  NONE: 'The provider takes no key: it is built in or self-hosted.',
} satisfies Record<ProviderCredentialSource, string>);
export type CredentialSource = keyof typeof CredentialSource;
