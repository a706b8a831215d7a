/** The first thing to try, as one command for a POSIX shell. */

const QUERY =
  'mutation { synthesizeSpeech(input: { text: "Hello! This speech was made here, and metered." }) ' +
  '{ speech { audio { url durationSeconds } } usage { credits characters audioSeconds summary } } }';

/** `key` is put between double quotes as it is: a secret that was made here, or a variable of the shell. */
export function firstCall(url: string, key: string): string {
  return [
    `curl -sS ${url}/graphql \\`,
    `  -H "authorization: Bearer ${key}" \\`,
    "  -H 'content-type: application/json' \\",
    `  -d '${JSON.stringify({ query: QUERY })}'`,
  ].join('\n');
}
