import { CommanderError } from "commander";
import { describe, expect, it } from "vitest";
import { OcellusError } from "../../core/base/index.js";
import { reportError } from "./report-error.js";
import type { Terminal } from "./terminal.js";

function report(error: unknown, options = { json: false, debug: false }, signal = new AbortController().signal) {
  let text = "";
  const stderr = { write: (piece: string) => (text += piece) };
  const code = reportError(error, { stderr, signal } as unknown as Terminal, options);
  return { text, code };
}

describe("reportError", () => {
  it("prints our error in one line and exits by its code", () => {
    const error = new OcellusError("not_found", "cannot open a.png: it does not exist");
    expect(report(error)).toEqual({ text: "error: cannot open a.png: it does not exist\n", code: 3 });
  });

  it("prints one JSON object when asked", () => {
    const error = new OcellusError("too_large", "too many", { details: { most: 3 } });
    const { text, code } = report(error, { json: true, debug: false });
    expect(JSON.parse(text)).toEqual({ error: { code: "too_large", message: "too many", details: { most: 3 } } });
    expect(code).toBe(5);
  });

  it("treats a wrong command line as an invalid request, and help as success", () => {
    const unknown = new CommanderError(
      1,
      "commander.unknownCommand",
      "error: unknown command 'aks'\n(Did you mean ask?)",
    );
    expect(report(unknown)).toEqual({ text: "error: unknown command 'aks' (Did you mean ask?)\n", code: 2 });
    expect(report(new CommanderError(0, "commander.helpDisplayed", "(outputHelp)"))).toEqual({ text: "", code: 0 });
  });

  it("shows the stack and the causes only with --debug", () => {
    const error = new OcellusError("io", "cannot write", { cause: new Error("the disk is on fire") });
    expect(report(error).text).toBe("error: cannot write\n");
    const { text } = report(error, { json: false, debug: true });
    expect(text).toMatch(/report-error\.test\.ts[\s\S]*caused by Error: the disk is on fire/);
  });

  it("says so when an error is none of ours", () => {
    expect(report(new TypeError("x is undefined"))).toEqual({
      text: "error: x is undefined (unexpected; run again with --debug to see where)\n",
      code: 70,
    });
  });

  it("says only that it stopped after Ctrl-C", () => {
    const aborted = AbortSignal.abort();
    expect(report(new OcellusError("aborted", "the caller aborted"), undefined, aborted)).toEqual({
      text: "stopped\n",
      code: 130,
    });
  });
});
