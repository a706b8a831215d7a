/** Provider keys that workspaces keep here. The key itself lies in `sealed` alone, encrypted by the server. */
export const PROVIDER_CREDENTIALS = /* sql */ `
CREATE TABLE provider_credentials (
  -- Of this key, not of its place: a key that takes the place of another has an id of its own.
  id uuid NOT NULL UNIQUE,
  workspace_id uuid NOT NULL REFERENCES workspaces (id),
  provider text NOT NULL CHECK (length(provider) BETWEEN 1 AND 64),
  label text CHECK (length(label) BETWEEN 1 AND 200),
  last_four text NOT NULL CHECK (length(last_four) = 4),
  -- Which root of ENCRYPTION_KEY sealed it, and what it came to: nonce, tag and ciphertext of AES-256-GCM.
  sealed_by bytea NOT NULL CHECK (octet_length(sealed_by) = 8),
  sealed bytea NOT NULL CHECK (octet_length(sealed) BETWEEN 29 AND 540),
  created_at timestamptz NOT NULL DEFAULT ledger_now(),
  last_used_at timestamptz,
  -- One key a provider and workspace, and the way in which they are looked up.
  PRIMARY KEY (workspace_id, provider)
) WITH (fillfactor = 80);
`;
