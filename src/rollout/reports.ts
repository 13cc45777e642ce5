/**
 * What servers say of the aliases they serve, so that whoever has given a command sees what came of it. Not history: a row for each
 * server and alias says how things stand now, and goes with its server.
 */
import { hostname } from "node:os";
import { isRunning } from "../core/fs/index.js";
import type { OpenDatabase, ReportState } from "./database.js";

export interface ServerReport {
  /** `host:process`. */
  readonly server: string;
  readonly alias: string;
  /** The journal's newest entry when it was said. */
  readonly seq: number;
  readonly state: ReportState;
  /** For people: `v2 was loaded beside v1 in 2.1 s`. */
  readonly detail: string;
}

/** Of other machines' servers that were killed and never came back. */
const keptMs = 7 * 24 * 3_600_000;

export class ServerReports {
  readonly #db: OpenDatabase["db"];

  constructor({ db }: OpenDatabase) {
    this.#db = db;
  }

  /** In place of what the server has said of that alias before. */
  async put({ server, alias, ...said }: ServerReport): Promise<void> {
    const row = { ...said, at: Date.now() };
    await this.#db
      .insertInto("reports")
      .values({ server, alias, ...row })
      .onConflict((conflict) => conflict.columns(["server", "alias"]).doUpdateSet(row))
      .execute();
  }

  async read(): Promise<ServerReport[]> {
    const rows = await this.#db
      .selectFrom("reports")
      .selectAll()
      .where("at", ">", Date.now() - keptMs)
      .orderBy("server")
      .execute();
    return rows.map(({ at: _, ...report }) => report);
  }

  /** Servers of this machine whose process is gone. */
  async forgetKilled(): Promise<void> {
    for (const { server } of await this.read()) {
      const [, host, pid] = /^(.*):(\d+)$/.exec(server) ?? [];
      if (host === hostname() && !isRunning(Number(pid))) await this.forget(server);
    }
  }

  /** The server ends. */
  async forget(server: string): Promise<void> {
    await this.#db
      .deleteFrom("reports")
      .where((row) => row.or([row("server", "=", server), row("at", "<=", Date.now() - keptMs)]))
      .execute();
  }
}
