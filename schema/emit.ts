import { readFile, writeFile } from 'node:fs/promises';
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql';

const HEADER =
  '# Emitted from the code in schema/ and src/resolvers/ by `npm run schema:emit`. Change those, not this file.\n\n';

/** The schema as text, sorted by name, so that it depends on nothing but its content. */
export const renderSchema = (schema: GraphQLSchema): string =>
  `${HEADER}${printSchema(lexicographicSortSchema(schema))}\n`;

/** Writes the schema; false when the file already said the same. */
export async function emitSchema(schema: GraphQLSchema, file: string): Promise<boolean> {
  if (await isEmitted(schema, file)) return false;
  await writeFile(file, renderSchema(schema));
  return true;
}

/** Whether the file says what the code says. A file that is not there does not. */
export async function isEmitted(schema: GraphQLSchema, file: string): Promise<boolean> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return text === renderSchema(schema);
}
