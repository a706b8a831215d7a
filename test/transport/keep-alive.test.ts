import { KeepAlive, type KeptAlive } from '../../src/transport/keep-alive';

const INTERVAL = 12_000;

class Peer implements KeptAlive {
  isAsked = false;
  slot = 0;
  pings = 0;
  ended = false;

  constructor(private readonly answers: boolean) {}

  ping(): void {
    this.pings += 1;
    if (this.answers) this.isAsked = false;
  }

  terminate(): void {
    this.ended = true;
  }
}

describe('keeping alive', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('asks each peer once in an interval, a few at a time, and lets go of those who are silent until the next', () => {
    const keepAlive = new KeepAlive(INTERVAL);
    const peers = Array.from({ length: 960 }, (_, n) => new Peer(n % 3 > 0));
    for (const peer of peers) keepAlive.add(peer);
    let asked = 0;
    let most = 0;
    for (let ms = 0; ms < INTERVAL; ms += 25) {
      jest.advanceTimersByTime(25);
      const now = peers.reduce((sum, { pings }) => sum + pings, 0);
      most = Math.max(most, now - asked);
      asked = now;
    }
    expect(peers.map(({ pings }) => pings)).toEqual(peers.map(() => 1));
    expect(most).toBeLessThanOrEqual(2);
    expect(peers.some(({ ended }) => ended)).toBe(false);
    jest.advanceTimersByTime(INTERVAL);
    expect(peers.map(({ ended }) => ended)).toEqual(peers.map((_, n) => n % 3 === 0));
    keepAlive.stop();
  });

  it('asks nobody who has left, and has no timer while there is nobody', () => {
    const keepAlive = new KeepAlive(INTERVAL);
    const peer = new Peer(true);
    keepAlive.add(peer);
    keepAlive.remove(peer);
    keepAlive.remove(peer);
    expect(jest.getTimerCount()).toBe(0);
    const next = new Peer(true);
    keepAlive.add(next);
    jest.advanceTimersByTime(INTERVAL);
    expect([peer.pings, next.pings]).toEqual([0, 1]);
    keepAlive.remove(next);
    expect(jest.getTimerCount()).toBe(0);
  });
});
