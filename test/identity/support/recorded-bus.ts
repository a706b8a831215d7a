import type { NoticeBus } from '../../../src/identity/notices';

type Message = Readonly<Record<string, unknown>>;

/** Several processes on one network: what one publishes it hears at once, the others while they are connected. */
export class Network {
  readonly sent: Message[] = [];
  readonly members = new Set<NetworkMember>();

  join(): NetworkMember {
    const member = new NetworkMember(this);
    this.members.add(member);
    return member;
  }
}

export class NetworkMember implements NoticeBus {
  connected = true;
  private readonly handlers = new Set<(message: Message) => void>();
  private readonly stateHandlers = new Set<(connected: boolean) => void>();

  constructor(private readonly network: Network) {}

  publish(_channel: 'revocation', message: Readonly<Record<string, string>>): void {
    this.network.sent.push(message);
    this.deliver(message);
    for (const member of this.network.members) {
      if (member !== this && member.connected && this.connected) member.deliver({ ...message });
    }
  }

  subscribe(_channel: 'revocation', handler: (message: Message) => void): () => void {
    this.handlers.add(handler);
    return () => void this.handlers.delete(handler);
  }

  onConnectionChange(handler: (connected: boolean) => void): () => void {
    this.stateHandlers.add(handler);
    return () => void this.stateHandlers.delete(handler);
  }

  connect(connected: boolean): void {
    this.connected = connected;
    for (const handler of this.stateHandlers) handler(connected);
  }

  deliver(message: Message): void {
    for (const handler of this.handlers) handler(message);
  }
}
