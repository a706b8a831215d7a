import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildSchema } from 'graphql';
import { buildPolyphonySchema } from '../../schema/build-schema';
import missing from '../../schema/contract-missing.json';
import { resolvers } from '../../src/resolvers';
import { coordinatesOf, holdersOf } from './contract-coordinates';

const file = resolve(__dirname, '../../../shared/contract.graphql');
const there = existsSync(file);

const built = coordinatesOf(buildPolyphonySchema(resolvers));
const listed = new Set(missing);

describe('the list of what the contract has and the schema has not yet', () => {
  it('is sorted and names nothing twice', () => {
    expect(missing).toEqual([...new Set(missing)].sort());
  });

  it('names nothing that is built already', () => {
    expect(missing.filter((coordinate) => built.has(coordinate))).toEqual([]);
  });

  it('names no member beside the type or field that holds it', () => {
    expect(
      missing.filter((coordinate) => holdersOf(coordinate).some((it) => it !== coordinate && listed.has(it))),
    ).toEqual([]);
  });
});

(there ? describe : describe.skip)(
  there
    ? 'the schema against the contract'
    : 'the schema against the contract (skipped: contract.graphql is not on this machine)',
  () => {
    const contract = there ? coordinatesOf(buildSchema(readFileSync(file, 'utf8'))) : new Map<string, string>();
    const expected = [...contract].filter(([coordinate]) => !holdersOf(coordinate).some((it) => listed.has(it)));

    it('has every member of the contract that is not listed as missing', () => {
      expect(expected.map(([coordinate]) => coordinate).filter((coordinate) => !built.has(coordinate))).toEqual([]);
    });

    it('gives each of them the same kind, type, nullability and default', () => {
      const ours = expected.filter(([coordinate]) => built.has(coordinate)).map(([it]) => [it, built.get(it)]);
      expect(ours).toEqual(expected.filter(([coordinate]) => built.has(coordinate)));
      expect(ours.length).toBeGreaterThan(300);
    });

    it('asks for no argument and no input field that the contract does not know', () => {
      const required = [...built].filter(([coordinate, form]) => {
        const isInput =
          coordinate.endsWith(':)') || built.get(coordinate.replace(/\..*$/, ''))?.startsWith('GraphQLInput');
        return isInput && form.endsWith('!') && !contract.has(coordinate);
      });
      expect(required).toEqual([]);
    });

    it('lists as missing only what the contract has', () => {
      expect(missing.filter((coordinate) => !contract.has(coordinate))).toEqual([]);
    });
  },
);
