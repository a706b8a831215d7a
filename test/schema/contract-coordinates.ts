import {
  astFromValue,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
  print,
} from 'graphql';

const typed = (member: GraphQLArgument | GraphQLInputField): string => {
  const value = member.defaultValue === undefined ? null : astFromValue(member.defaultValue, member.type);
  return value ? `${member.type} = ${print(value)}` : String(member.type);
};

const kindOf = (type: GraphQLNamedType): string =>
  `${type.constructor.name}${isInputObjectType(type) && type.isOneOf ? ' @oneOf' : ''}`;

function* membersOf(type: GraphQLNamedType): Generator<readonly [string, string]> {
  if (isEnumType(type)) for (const value of type.getValues()) yield [`${type.name}.${value.name}`, 'value'];
  if (isUnionType(type)) for (const member of type.getTypes()) yield [`${type.name}|${member.name}`, 'member'];
  if (isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) yield [`${type.name}.${field.name}`, typed(field)];
  }
  if (!isObjectType(type)) return;
  for (const field of Object.values(type.getFields()) as GraphQLField<unknown, unknown>[]) {
    yield [`${type.name}.${field.name}`, String(field.type)];
    for (const argument of field.args) yield [`${type.name}.${field.name}(${argument.name}:)`, typed(argument)];
  }
}

/**
 * Each member of a schema by its coordinate (`Type`, `Type.field`, `Type.field(argument:)`, `Enum.VALUE`,
 * `Union|Member`) with what has to be the same in two schemas: kind, type, nullability, default.
 */
export function coordinatesOf(schema: GraphQLSchema): Map<string, string> {
  const coordinates = new Map<string, string>();
  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type)) continue;
    coordinates.set(type.name, kindOf(type));
    for (const [coordinate, form] of membersOf(type)) coordinates.set(coordinate, form);
  }
  return coordinates;
}

/** The coordinates that hold this one: a member is missing with its field, and a field with its type. */
export function holdersOf(coordinate: string): string[] {
  const field = coordinate.replace(/\(.*$/, '');
  return [coordinate, field, field.replace(/[.|].*$/, '')];
}
