import { runCommandLine } from './program';

// Read by libraries as they are loaded: without it graphql checks in each step that it was not loaded twice.
process.env.NODE_ENV ??= 'production';

const END_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Where the output is a pipe whose reader has left, as `| head` does, nobody is there to be told anything. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

async function main(): Promise<void> {
  const exitCode = await runCommandLine(process.argv.slice(2), {
    environment: process.env,
    directory: process.cwd(),
    writeOut: (text) => process.stdout.write(text),
    writeError: (text) => process.stderr.write(text),
    onEndSignal(listener) {
      for (const signal of END_SIGNALS) process.on(signal, listener);
      return () => {
        for (const signal of END_SIGNALS) process.off(signal, listener);
      };
    },
    exit: (code) => process.exit(code),
  });
  // Everything is closed; what a library may have left open must not keep the process.
  process.stdout.write('', () => process.exit(exitCode));
}

void main();
