import { type GraphQLSchema, isInputObjectType, isUnionType } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import './decorators';

/** Inputs of which exactly one field is given. type-graphql has no way to say so; graphql-js prints and enforces it. */
const ONE_OF_INPUTS: readonly string[] = ['AudioSourceInput', 'EstimateTranscriptionInput'];

const ROOT_DESCRIPTIONS: Readonly<Record<string, string>> = {
  Query:
    'What can be read. Root fields are nullable on purpose: an error in one must not take away the answer of another.',
  Mutation:
    'What can be changed. Every mutation takes one input and answers one payload, so that both can grow. Root fields are nullable on purpose: in a document of several, one refusal must not hide results that were paid for.',
  Subscription:
    'What is told as it happens, over graphql-ws. A refusal at the start is an error; one that breaks later is an event with errors, and then the subscription completes.',
};

/** Subscriptions bring their own iterables; type-graphql asks for a broker all the same. */
const noTopics = {
  publish(): never {
    throw new Error('Nothing is published by topic: subscriptions bring their own iterables.');
  },
  subscribe(): never {
    throw new Error('Nothing is subscribed by topic: subscriptions bring their own iterables.');
  },
};

/**
 * The public schema over these resolver classes. Inputs are checked by scalars and operations, not by class-validator.
 * Every type, field, argument and enum value in it has a description.
 */
// biome-ignore lint/complexity/noBannedTypes: type-graphql's own name for a class of resolvers.
export function buildPolyphonySchema(resolvers: readonly [Function, ...Function[]]): GraphQLSchema {
  const schema = buildSchemaSync({ resolvers, validate: false, pubSub: noTopics });
  for (const [name, description] of Object.entries(ROOT_DESCRIPTIONS)) {
    const root = schema.getType(name);
    if (root) root.description = description;
  }
  for (const name of ONE_OF_INPUTS) {
    const input = schema.getType(name);
    if (!isInputObjectType(input))
      throw new Error(`ONE_OF_INPUTS names ${name}, which is no input type of the schema.`);
    input.isOneOf = true;
  }
  for (const type of Object.values(schema.getTypeMap())) {
    // The executor's own way: `__typename` of the value. type-graphql's compares classes, so plain values would fail.
    if (isUnionType(type)) type.resolveType = undefined;
  }
  return schema;
}
