/** What a command's exit tells a script. */
export const EXIT = {
  done: 0,
  /** The command worked and its answer is no: findings, no such workspace, a key that is taken. */
  negative: 1,
  /** It could not work: wrong usage, a faulty setting, no database. */
  unable: 2,
  /** It worked, and our records differ from those of a provider. */
  drift: 3,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES_HELP = `
Exit codes:
  0  done
  1  the answer is no: findings, no such workspace, a key that is taken
  2  could not work: wrong usage, a faulty setting, a database out of reach
  3  reconcile: our records and the provider's differ`;
