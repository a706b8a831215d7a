import { describeOnPostgres } from '../support/database';
import type { Gate } from '../support/provider-stub';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import {
  allEvents,
  allSettled,
  bytesOf,
  eventsUntilChunks,
  gateSpeech,
  listen,
  speechInput,
  usageEventsOf,
} from './support/speech-stream';

/** A listener that says nothing for so long is gone. */
const BELIEVED_MS = 10_000;
const PRESENCE_MS = 3_000;

describeOnPostgres('a speechStream whose socket broke and came back at another server process', () => {
  const clock = new TestClock();
  const clockElsewhere = new TestClock();
  let maker: TestServer;
  let other: TestServer;
  let client: TestWorkspace;
  let gate: Gate;

  beforeAll(async () => {
    maker = await startTestServer({ clock });
    other = await startTestServer({ ...maker.data, stub: maker.stub, clock: clockElsewhere });
  });
  beforeEach(async () => {
    gate = gateSpeech(maker.stub);
    client = await maker.createWorkspace();
  });
  afterEach(() => gate.open());
  afterAll(async () => {
    await other?.close();
    await maker?.close();
  });

  /** Resolves when the process that makes the speech has been told of a listener elsewhere. */
  const told = (): Promise<void> =>
    new Promise((resolve) => {
      const { bus } = maker.container.core;
      const stop = bus.subscribe('operation', () => {
        stop();
        resolve();
      });
    });

  async function breakAndComeBack() {
    const input = speechInput();
    const socket = await client.socket();
    const first = listen(socket, input);
    gate.release(6);
    const heard = await eventsUntilChunks(first, 4);
    await socket.drop();
    const arrived = told();
    const second = listen(await other.client.as(client.key).socket(), input, heard.at(-1)!.sequence);
    await arrived;
    return { input, heard, second };
  }

  it('hears the rest, however long it takes, and is charged once', async () => {
    const { heard, second } = await breakAndComeBack();
    for (let waited = 0; waited < 6 * BELIEVED_MS; waited += PRESENCE_MS) {
      const again = told();
      clockElsewhere.advance(PRESENCE_MS);
      await again;
      clock.advance(PRESENCE_MS);
    }
    expect(maker.container.live.count).toBe(1);
    gate.open();
    const rest = await allEvents(second);
    const [usage, ...others] = await usageEventsOf(client);
    expect(others).toEqual([]);
    expect(usage).toMatchObject({ status: 'SUCCEEDED' });
    const whole = bytesOf([...heard, ...rest]);
    expect(rest.at(-1)!.speech!.audio!.sizeBytes).toBe(whole.length);
  });

  it('is ended when it falls silent there too', async () => {
    await breakAndComeBack();
    clock.advance(BELIEVED_MS);
    gate.open();
    await allSettled(maker);
    expect(await usageEventsOf(client)).toMatchObject([{ status: 'ABORTED' }]);
  });
});
