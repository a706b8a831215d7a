import type { Pool, PoolClient, QueryResult } from 'pg';
import type { DataSource } from 'typeorm';
import { DatabaseUnavailableError, isConnectionError } from './connection-errors';
import type { Database, QueryAnswer, Queryable } from './database';

export interface PoolDatabaseParts {
  readonly engine: Database['engine'];
  readonly pool: Pool;
  readonly dataSource: DataSource;
  readonly listen: Database['listen'];
  /** Runs after the pool and the data source are closed. */
  readonly closeEngine?: () => Promise<void>;
}

/** `Database` over a pool of `pg`. Connection errors come out as DatabaseUnavailableError, SQL errors as they are. */
export class PoolDatabase implements Database {
  readonly engine: Database['engine'];
  readonly dataSource: DataSource;
  readonly listen: Database['listen'];
  private closed: Promise<void> | undefined;

  constructor(private readonly parts: PoolDatabaseParts) {
    this.engine = parts.engine;
    this.dataSource = parts.dataSource;
    this.listen = parts.listen;
  }

  async query<Row = Record<string, unknown>>(
    sql: string,
    parameters?: readonly unknown[],
    name?: string,
  ): Promise<QueryAnswer<Row>> {
    return this.withClient((client) => this.send<Row>(client, sql, parameters, name));
  }

  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.withClient(async (client, discard) => {
      await this.send(client, 'BEGIN');
      const tx = new TransactionQueries((sql, parameters, name) => this.send(client, sql, parameters, name));
      let answer: T;
      try {
        answer = await work(tx);
        await tx.finish();
      } catch (error) {
        await tx.finish().catch(() => {});
        // Whether the transaction is over must be known before another may have the connection.
        await this.send(client, 'ROLLBACK').catch(discard);
        throw error;
      }
      const { command } = await this.raw(client, 'COMMIT');
      // COMMIT of a failed transaction succeeds and says ROLLBACK: somebody caught an SQL error and went on.
      if (command === 'ROLLBACK') throw new Error('The transaction was rolled back, as a statement in it had failed.');
      return answer;
    });
  }

  close(): Promise<void> {
    this.closed ??= this.closeAll();
    return this.closed;
  }

  private async closeAll(): Promise<void> {
    await Promise.all([this.parts.pool.end(), this.dataSource.isInitialized ? this.dataSource.destroy() : undefined]);
    await this.parts.closeEngine?.();
  }

  /** Gives a client to `work` and puts it back, or removes it from the pool when its connection is broken. */
  private async withClient<T>(work: (client: PoolClient, discard: (why: Error) => void) => Promise<T>): Promise<T> {
    let client: PoolClient;
    try {
      client = await this.parts.pool.connect();
    } catch (error) {
      throw isConnectionError(error) ? new DatabaseUnavailableError(false, error) : error;
    }
    let broken: Error | undefined;
    // Outside a query nobody hears a client's error, and an unheard 'error' ends the process.
    const discard = (why: Error): void => {
      broken ??= why;
    };
    client.on('error', discard);
    try {
      return await work(client, discard);
    } catch (error) {
      if (isConnectionError(error)) discard(error as Error);
      throw error;
    } finally {
      client.off('error', discard);
      client.release(broken);
    }
  }

  private async send<Row>(
    client: PoolClient,
    sql: string,
    parameters?: readonly unknown[],
    name?: string,
  ): Promise<QueryAnswer<Row>> {
    const { rows, rowCount } = await this.raw(client, sql, parameters, name);
    return { rows: rows as Row[], rowCount: rowCount ?? 0 };
  }

  private async raw(
    client: PoolClient,
    sql: string,
    parameters?: readonly unknown[],
    name?: string,
  ): Promise<QueryResult> {
    try {
      return await client.query({
        text: sql,
        values: parameters as unknown[] | undefined,
        name: this.engine === 'embedded' ? undefined : name,
      });
    } catch (error) {
      throw isConnectionError(error) ? new DatabaseUnavailableError(true, error) : error;
    }
  }
}

type Send = Queryable['query'];

/** One statement after the other, and none after the end: a forgotten await must not run in someone else's transaction. */
class TransactionQueries implements Queryable {
  private last: Promise<unknown> = Promise.resolve();
  private ended = false;

  constructor(private readonly send: Send) {}

  query<Row = Record<string, unknown>>(
    sql: string,
    parameters?: readonly unknown[],
    name?: string,
  ): Promise<QueryAnswer<Row>> {
    if (this.ended) return Promise.reject(new Error('The transaction has ended; await every query inside it.'));
    const answer = this.last.then(() => this.send<Row>(sql, parameters, name));
    this.last = answer.catch(() => {});
    return answer;
  }

  /** Waits for what was sent and refuses what comes later. */
  async finish(): Promise<void> {
    this.ended = true;
    await this.last;
  }
}
