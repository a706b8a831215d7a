/**
 * Milliseconds to wait before attempt `failures` + 1: doubles from `firstMs` up to `mostMs`, less a random part of at
 * most half, so that processes that lost the same server do not come back at the same moment.
 */
export function backoffMs(failures: number, firstMs = 100, mostMs = 5_000): number {
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(Math.max(failures - 1, 0), 20));
  return Math.ceil(full * (1 - Math.random() / 2));
}
