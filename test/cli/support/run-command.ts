import { runCommandLine } from '../../../src/cli/program';

export interface RanCommand {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs one command as a shell would, with these settings alone. */
export async function runCommand(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  directory: string,
): Promise<RanCommand> {
  let out = '';
  let error = '';
  const code = await runCommandLine(args, {
    environment,
    directory,
    writeOut: (text) => {
      out += text;
    },
    writeError: (text) => {
      error += text;
    },
    onEndSignal: () => () => {},
    exit: () => {},
  });
  return { code, out, error };
}
