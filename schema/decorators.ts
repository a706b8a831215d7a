/**
 * The one door to type-graphql: its decorators read what reflect-metadata keeps, so that has to be loaded before the
 * first decorated class, whichever file is imported first.
 */
import 'reflect-metadata';

export {
  Arg,
  Ctx,
  createUnionType,
  Field,
  FieldResolver,
  Float,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
  registerEnumType,
  Subscription,
} from 'type-graphql';
