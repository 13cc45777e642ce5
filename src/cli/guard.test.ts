import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { main } from "./main.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-guard-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

async function run(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  return { code: await main(["guard", "test", ...argv]), ...written };
}

describe("ocellus guard test", () => {
  const list = file("list.csv", "glarb,made-up,3\nsnoot,made-up");

  it("says what a file holds, on which line, and by which foldings", async () => {
    const { code, stdout } = await run(file("answer.txt", "first\na gl4rb for 13800138000"), "--list", list);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^line 2 +8–13 +"gl4rb" +made-up +severity 3 +glarb +by leet\n/);
    expect(stdout).toMatch(/line 2 +18–29 +"13800138000" +personal_data\/phone/);
    expect(stdout).not.toContain("\u001b");
  });

  it("takes a text, switches and allowed phrases, and prints JSON", async () => {
    const { stdout } = await run(
      "gl4rb, snoot valley, snoot",
      "--list",
      list,
      "--without",
      "leet",
      "--allow",
      "snoot valley",
      "--json",
    );
    expect(JSON.parse(stdout)).toEqual({
      numWords: 2,
      fired: [
        { start: 21, end: 26, category: "made-up", word: "snoot", severity: 1, text: "snoot", line: 1, because: [] },
      ],
    });
  });

  it("says when there is nothing, with the sample list", async () => {
    expect(await run("a harmless text")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^nothing found; 7 words/),
    });
  });

  it("names the file and the line of a list's mistake", async () => {
    const { code, stderr } = await run("text", "--list", file("bad.csv", "glarb,made-up,x"));
    expect(code).toBe(4);
    expect(stderr).toContain("bad.csv, line 1: expected a severity from 1 to 5");
    expect((await run("text", "--list", join(folder, "none.txt"))).code).toBe(3);
  });
});
