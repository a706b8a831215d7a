/** What identity needs of the event bus. */
export interface NoticeBus {
  /** Whether notices of other processes arrive now. */
  readonly connected: boolean;
  publish(channel: 'revocation', message: Readonly<Record<string, string>>): void;
  subscribe(channel: 'revocation', handler: (message: Readonly<Record<string, unknown>>) => void): () => void;
  /** `true`: notices arrive again, and some may have been lost before. */
  onConnectionChange(handler: (connected: boolean) => void): () => void;
}

const CHANGES = [
  'key-created',
  'key-rotated',
  'key-revoked',
  'token-revoked',
  'plan-changed',
  'provider-key-changed',
] as const;
export type Change = (typeof CHANGES)[number];

/** What has changed, and for whom. Ids only: whoever hears it reads the database. */
export interface Notice {
  readonly change: Change;
  readonly workspaceId: string;
  readonly apiKeyId?: string;
  readonly clientTokenId?: string;
}

/**
 * Tells every process of changes to keys, tokens, plans and stored provider keys, so that nobody goes on with what it remembers. To be
 * called after the commit: a process that hears earlier would read the old state again.
 */
export class IdentityNotices {
  constructor(private readonly bus: NoticeBus) {}

  get connected(): boolean {
    return this.bus.connected;
  }

  tell(notice: Notice): void {
    this.bus.publish('revocation', { ...notice });
  }

  /** To be called after each commit that put a workspace on another plan. */
  planChanged(workspaceId: string): void {
    this.tell({ change: 'plan-changed', workspaceId });
  }

  /** Returns the function that ends it. */
  listen(onNotice: (notice: Notice) => void, onMissed: () => void): () => void {
    const endNotices = this.bus.subscribe('revocation', (message) => {
      const notice = read(message);
      // A newer version of this server may tell of changes that this one does not know: believe nothing remembered.
      if (notice) onNotice(notice);
      else onMissed();
    });
    const endState = this.bus.onConnectionChange((connected) => {
      if (connected) onMissed();
    });
    return () => {
      endNotices();
      endState();
    };
  }
}

function read(message: Readonly<Record<string, unknown>>): Notice | null {
  const { change, workspaceId, apiKeyId, clientTokenId } = message;
  const known = CHANGES.find((item) => item === change);
  if (!known || typeof workspaceId !== 'string') return null;
  return {
    change: known,
    workspaceId,
    ...(typeof apiKeyId === 'string' && { apiKeyId }),
    ...(typeof clientTokenId === 'string' && { clientTokenId }),
  };
}
