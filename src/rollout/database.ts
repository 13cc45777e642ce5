/** The tables behind the journal, and what an open database gives. It is opened by `open-database.ts`, loaded where there is one to open. */
import type { Kysely } from "kysely";

export interface Tables {
  journal: { seq: number; at: number; actor: string; event: string };
  answers: { request_id: string; at: number; model: string; tag: string; role: string; reason: string };
  reports: { server: string; alias: string; seq: number; state: ReportState; detail: string; at: number };
  evidence: { id: string; alias: string; step_seq: number; at: number; observations: string };
  trials: { alias: string; step_seq: number; revision: number; analysis: string; fed: string };
  claims: { alias: string; step_seq: number; item: string };
  deliveries: { receiver: string; seq: number; holder: string; until: number };
}

/** How a server stands to what an alias is to serve. */
export type ReportState = "loading" | "serving" | "failed";

export type Dialect = "sqlite" | "postgres";

/** What we use of a pool of PostgreSQL's connections; pg's own types would be asked of all who import ours. */
export interface ConnectionPool {
  query(sql: string): Promise<unknown>;
  connect(): Promise<Connection>;
}

export interface Connection {
  query(sql: string): Promise<unknown>;
  on(event: "notification" | "error", listener: () => void): unknown;
  release(isBroken: boolean): void;
}

export interface OpenDatabase {
  readonly dialect: Dialect;
  readonly db: Kysely<Tables>;
  /** PostgreSQL only: for LISTEN. */
  readonly pool?: ConnectionPool;
  close(): Promise<void>;
}

/** A broken unique index: somebody else wrote this sequence number first. */
export function isTaken(cause: unknown): boolean {
  const { code, message = "" } = cause as { code?: string; message?: string };
  return code === "23505" || /UNIQUE constraint failed/i.test(message);
}

export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}
