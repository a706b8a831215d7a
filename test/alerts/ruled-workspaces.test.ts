import { RuledWorkspaces } from '../../src/alerts/ruled-workspaces';
import type { Database } from '../../src/db/database';

const reading = (...workspaceIds: string[]): Database =>
  ({ query: async () => ({ rows: workspaceIds.map((id) => ({ workspace_id: id })), rowCount: 0 }) }) as never;

it('holds those that have rules, as the database last said', async () => {
  let rows = ['a', 'b'];
  const ruled = new RuledWorkspaces({ query: () => reading(...rows).query('') } as never);
  await ruled.read();
  expect(['a', 'b', 'c'].map((id) => ruled.has(id))).toEqual([true, true, false]);
  rows = ['b', 'c'];
  await ruled.read();
  expect(['a', 'b', 'c'].map((id) => ruled.has(id))).toEqual([false, true, true]);
});

it('keeps a workspace whose rule was made while the others were read, or looked at', async () => {
  let answer = (): void => {};
  const ruled = new RuledWorkspaces({
    query: () =>
      new Promise((resolve) => {
        answer = () => resolve({ rows: [], rowCount: 0 });
      }),
  } as never);
  ruled.add('early');
  const read = ruled.read();
  ruled.add('late');
  answer();
  await read;
  expect([ruled.has('early'), ruled.has('late')]).toEqual([false, true]);
  const { moment } = ruled;
  ruled.add('late');
  ruled.forget('late', moment);
  expect(ruled.has('late')).toBe(true);
  ruled.forget('late', ruled.moment);
  expect(ruled.has('late')).toBe(false);
});
