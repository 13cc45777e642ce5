/** `ocellus serve` as its users start it: a process of its own on a free port, with the bundled demo model. */
import { type ChildProcess, spawn } from "node:child_process";
import { ocellusCommand } from "./command.js";

export interface ServeProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it has written to stderr: its log. */
  readonly log: () => string;
  /** Ends it; resolves with its exit code, or the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** Resolves when questions are welcome. @throws with its log when it ends before. */
export async function serveProcess(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<ServeProcess> {
  const child = spawn(...ocellusCommand("serve", "--port", "0", ...args), {
    env: { ...process.env, ...env, NO_COLOR: "1" },
  });
  let [said, log] = ["", ""];
  // A log of a long run is not kept whole.
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-100_000);
  });
  const exited = new Promise<number | NodeJS.Signals | null>((done) =>
    child.once("exit", (code, signal) => done(signal ?? code)),
  );
  const url = await new Promise<string>((found, fail) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      const [, address] = /answers at (http:\/\/[\d.:]+)\/v1/.exec(said) ?? [];
      if (address) found(address);
    });
    void exited.then((code) => fail(new Error(`the server ended with ${code} before it was ready:\n${log}`)));
  });
  const stop = (signal: NodeJS.Signals = "SIGTERM") => {
    child.kill(signal);
    return exited;
  };
  return { url, child, log: () => log, stop };
}
