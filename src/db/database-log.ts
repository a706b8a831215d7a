/** What the database layer needs of a logger; pino's shape. Fields never hold a secret or a statement's values. */
export interface DatabaseLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
