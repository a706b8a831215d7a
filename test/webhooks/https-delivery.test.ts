import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CERTIFICATE = path.join(__dirname, '..', 'fixtures', 'tls', 'hooks.test.certificate.pem');

/** Deliveries by https to names that lead to the server of hooks.test, by a process that trusts these certificates. */
async function deliver(names: readonly string[], trusted: string | undefined) {
  const { stdout } = await run(
    process.execPath,
    [
      '-r',
      path.join(__dirname, '..', 'support', 'register-typescript.js'),
      path.join(__dirname, 'support', 'https-delivery.ts'),
      ...names,
    ],
    { env: { ...process.env, NODE_EXTRA_CA_CERTS: trusted } },
  );
  return JSON.parse(stdout) as { asked: unknown[]; outcomes: unknown[] };
}

const INSECURE = expect.stringContaining('No secure connection');

it('by https the number is connected to, and the certificate is that of the name', async () => {
  const { asked, outcomes } = await deliver(['hooks.test', 'other.test'], CERTIFICATE);
  expect(outcomes).toMatchObject([
    { status: 200, error: null },
    { status: null, error: INSECURE },
  ]);
  expect(asked).toEqual([{ servername: 'hooks.test', host: 'hooks.test' }]);
});

it('a certificate that nobody vouches for gets nothing', async () => {
  const { asked, outcomes } = await deliver(['hooks.test'], undefined);
  expect(outcomes).toMatchObject([{ status: null, error: INSECURE }]);
  expect(asked).toEqual([]);
});
