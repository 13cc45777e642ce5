/** A command line run by `main` in this process, where starting one would take most of the time: its exit code, and what it prints. */
import { vi } from "vitest";
import { main } from "../../src/cli/main.js";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One at a time: the streams are this process's. */
export async function runHere(...argv: readonly string[]): Promise<Outcome> {
  const written = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    }),
  );
  try {
    const code = await main(argv);
    return { code, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
