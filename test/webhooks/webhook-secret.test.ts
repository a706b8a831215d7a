import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { newId } from '../../src/lib/ids';
import { KeyRing } from '../../src/lib/keys';
import { UnreadableSecret } from '../../src/lib/secret-sealer';
import { makeWebhookSecret, signatureOf, WebhookSecretSealer } from '../../src/webhooks/webhook-secret';

const headersOf = (id: string, timestamp: string, signature: string) => ({
  'webhook-id': id,
  'webhook-timestamp': timestamp,
  'webhook-signature': signature,
});
const now = (): string => Math.floor(Date.now() / 1_000).toString();

it('a secret is whsec_ and 32 bytes of its own', () => {
  const secrets = Array.from({ length: 50 }, makeWebhookSecret);
  expect(new Set(secrets).size).toBe(50);
  for (const secret of secrets) {
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
  }
});

it('whatever is signed, the library of Standard Webhooks finds the signature true', () => {
  fc.assert(
    fc.property(fc.json(), (body) => {
      const [secret, id, timestamp] = [makeWebhookSecret(), newId(), now()];
      const signature = signatureOf([secret], { id, timestamp, body });
      expect(new Webhook(secret).verify(body, headersOf(id, timestamp, signature))).toEqual(JSON.parse(body));
    }),
  );
});

it('each of several secrets finds a signature of its own, and no other secret does', () => {
  const [first, second, other] = [makeWebhookSecret(), makeWebhookSecret(), makeWebhookSecret()];
  const [id, timestamp, body] = [newId(), now(), '{"type":"usage.settled"}'];
  const headers = headersOf(id, timestamp, signatureOf([first, second], { id, timestamp, body }));
  expect(headers['webhook-signature'].split(' ')).toHaveLength(2);
  for (const secret of [first, second]) expect(new Webhook(secret).verify(body, headers)).toBeTruthy();
  expect(() => new Webhook(other).verify(body, headers)).toThrow();
});

it.each(['id', 'timestamp', 'body'] as const)('a signature does not hold for another %s', (part) => {
  const secret = makeWebhookSecret();
  const message = { id: newId(), timestamp: now(), body: '{"a":1}' };
  const signature = signatureOf([secret], message);
  const other = { ...message, [part]: { id: newId(), timestamp: String(Number(now()) - 1), body: '{"a":2}' }[part] };
  expect(() => new Webhook(secret).verify(other.body, headersOf(other.id, other.timestamp, signature))).toThrow();
});

it('a sealed secret opens for its endpoint alone, under a root that is named', () => {
  const [old, fresh] = [randomBytes(32), randomBytes(32)];
  const place = { workspaceId: newId(), endpointId: newId() };
  const secret = makeWebhookSecret();
  const sealed = new WebhookSecretSealer(new KeyRing(old)).seal(place, secret);
  expect(sealed.sealed.toString('latin1')).not.toContain(secret.slice(6, 20));
  expect(new WebhookSecretSealer(new KeyRing(fresh, old)).open(place, sealed)).toBe(secret);
  const sealer = new WebhookSecretSealer(new KeyRing(old));
  expect(() => sealer.open({ ...place, endpointId: newId() }, sealed)).toThrow(UnreadableSecret);
  expect(() => sealer.open({ ...place, workspaceId: newId() }, sealed)).toThrow(UnreadableSecret);
  expect(() => new WebhookSecretSealer(new KeyRing(fresh)).open(place, sealed)).toThrow(UnreadableSecret);
});
