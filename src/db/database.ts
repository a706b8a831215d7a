import type { DataSource } from 'typeorm';

export interface QueryAnswer<Row> {
  readonly rows: Row[];
  readonly rowCount: number;
}

export interface Queryable {
  /**
   * Runs one statement with positional parameters. bigint columns come back as strings, jsonb as values, timestamptz
   * as Date. `name` makes it a prepared statement where the engine keeps sessions apart (real PostgreSQL); the
   * embedded engine shares one session between connections and so ignores it.
   */
  query<Row = Record<string, unknown>>(
    sql: string,
    parameters?: readonly unknown[],
    name?: string,
  ): Promise<QueryAnswer<Row>>;
}

/** The one door to PostgreSQL, embedded or real. Nothing but database work happens inside `transaction`. */
export interface Database extends Queryable {
  readonly engine: 'embedded' | 'postgres';
  /** TypeORM over the same engine: migrations and entities. */
  readonly dataSource: DataSource;
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /**
   * LISTEN on a channel over a connection of its own that reconnects by itself. `onState(false)` while it is down.
   * null on the embedded engine, which does not deliver notifications to clients.
   */
  readonly listen:
    | null
    | ((
        channels: Readonly<Record<string, (payload: string) => void>>,
        onState: (up: boolean) => void,
      ) => Promise<() => Promise<void>>);
  close(): Promise<void>;
}
