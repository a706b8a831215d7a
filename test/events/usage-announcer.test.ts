import type { BusMessage } from '../../src/events/event-bus';
import { InProcessBus } from '../../src/events/in-process-bus';
import { UsageAnnouncer } from '../../src/events/usage-announcer';

const QUIET_MS = 20;
beforeEach(() => jest.useFakeTimers({ doNotFake: ['setImmediate'] }));
afterEach(() => jest.useRealTimers());

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function listening(): { readonly announcer: UsageAnnouncer; readonly heard: BusMessage[] } {
  const bus = new InProcessBus({ warn: () => {} });
  const heard: BusMessage[] = [];
  bus.subscribe('usage', (message) => heard.push(message));
  return { announcer: new UsageAnnouncer(bus), heard };
}

it('tells of each workspace once, how far it has settled in this turn', async () => {
  const { announcer, heard } = listening();
  for (const sequence of ['9', '10', '8']) announcer.settled('a', sequence);
  announcer.settled('b', '1');
  expect(heard).toEqual([]);
  await turn();
  expect(heard).toEqual([
    { workspaceId: 'a', sequence: '10' },
    { workspaceId: 'b', sequence: '1' },
  ]);
});

it('gathers what follows at once, and tells at once again after a while of silence', async () => {
  const { announcer, heard } = listening();
  announcer.settled('a', '1');
  await turn();
  for (const sequence of ['2', '3']) announcer.settled('a', sequence);
  await turn();
  expect(heard).toHaveLength(1);
  jest.advanceTimersByTime(QUIET_MS);
  expect(heard.slice(1)).toEqual([{ workspaceId: 'a', sequence: '3' }]);
  jest.advanceTimersByTime(QUIET_MS);
  announcer.settled('a', '9007199254740993');
  await turn();
  expect(heard.slice(2)).toEqual([{ workspaceId: 'a', sequence: '9007199254740993' }]);
});

it('leaves nothing untold when it is flushed', async () => {
  const { announcer, heard } = listening();
  announcer.settled('a', '1');
  await turn();
  announcer.settled('a', '2');
  announcer.flush();
  expect(heard.map(({ sequence }) => sequence)).toEqual(['1', '2']);
});
