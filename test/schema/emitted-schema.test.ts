import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  buildSchema,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  validateSchema,
} from 'graphql';
import { AUDIO_FORMATS } from '../../providers/contract/audio';
import { buildPolyphonySchema } from '../../schema/build-schema';
import { renderSchema } from '../../schema/emit';
import { AudioFormat } from '../../schema/enums/audio-format';
import { ErrorCode } from '../../schema/enums/error-code';
import { ERROR_CODES } from '../../src/lib/errors';
import { resolvers } from '../../src/resolvers';

const schema = buildPolyphonySchema(resolvers);
const file = resolve(__dirname, '../../schema/schema.graphql');

interface Described {
  readonly description?: string | null | undefined;
}

/** The type itself and each member of it that may carry a description, by its coordinate. */
function* describable(type: GraphQLNamedType): Generator<readonly [string, Described]> {
  yield [type.name, type];
  if (isEnumType(type)) for (const value of type.getValues()) yield [`${type.name}.${value.name}`, value];
  if (isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) yield [`${type.name}.${field.name}`, field];
  }
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      yield [`${type.name}.${field.name}`, field];
      for (const argument of field.args) yield [`${type.name}.${field.name}(${argument.name}:)`, argument];
    }
  }
}

const own = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);

describe('the emitted schema', () => {
  it('is valid GraphQL', () => {
    expect(validateSchema(schema)).toEqual([]);
  });

  it('is what schema/schema.graphql says: run npm run schema:emit where this fails', () => {
    expect(readFileSync(file, 'utf8')).toBe(renderSchema(schema));
  });

  it('depends on nothing but the code: built twice, it is the same text', () => {
    expect(renderSchema(buildPolyphonySchema(resolvers))).toBe(renderSchema(schema));
  });

  it('means the same when it is read back from the file', () => {
    const text = readFileSync(file, 'utf8');
    expect(renderSchema(buildSchema(text))).toBe(text);
  });

  it('has a description of every type, field, argument and enum value', () => {
    const bare = own.flatMap((type) => [...describable(type)]).filter(([, member]) => !member.description?.trim());
    expect(bare.map(([coordinate]) => coordinate)).toEqual([]);
  });

  it('describes a few hundred members, so that the count above looks at something', () => {
    expect(own.flatMap((type) => [...describable(type)]).length).toBeGreaterThan(300);
  });

  it('lists exactly the error codes that the server can answer', () => {
    expect(Object.keys(ErrorCode).sort()).toEqual([...ERROR_CODES].sort());
  });

  it('lists exactly the audio formats of the provider contract', () => {
    expect(Object.keys(AudioFormat).sort()).toEqual([...AUDIO_FORMATS].sort());
  });

  it('lets union members be told apart by __typename, without a promise for each event', () => {
    const union = schema.getType('SpeechStreamEvent') as { resolveType?: unknown };
    expect(union.resolveType).toBeUndefined();
  });
});
