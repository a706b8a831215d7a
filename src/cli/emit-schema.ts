import { resolve } from 'node:path';
import { buildPolyphonySchema } from '../../schema/build-schema';
import { emitSchema, isEmitted } from '../../schema/emit';
import { resolvers } from '../resolvers';

/** `emit-schema` writes schema/schema.graphql below the working directory; with --check it only compares. */
async function main(): Promise<void> {
  const schema = buildPolyphonySchema(resolvers);
  const file = resolve('schema', 'schema.graphql');
  if (!process.argv.includes('--check')) {
    console.log((await emitSchema(schema, file)) ? `${file} is written.` : `${file} was up to date.`);
    return;
  }
  if (await isEmitted(schema, file)) return;
  console.error(`${file} is stale: run npm run schema:emit and check in what it writes.`);
  process.exitCode = 1;
}

void main();
