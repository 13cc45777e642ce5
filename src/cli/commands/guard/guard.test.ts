import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { main } from "../../main.js";

const folder = mkdtempSync(join(tmpdir(), "ocellus-guard-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const run = (...argv: string[]) => runGuard("test", ...argv);

async function runGuard(...argv: string[]) {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += text;
      return true;
    });
  }
  return { code: await main(["guard", ...argv]), ...written };
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

  it.each([
    ["gl&#97;rb", "glarb"],
    ["\\u0067larb", "glarb"],
    ["g%6carb", "glarb"],
    ['{"a":"\\u0031\\u003380013\\u0038000"}', "phone"],
  ])("sees through encodings, as servers do: %s", async (text, word) => {
    const { fired } = JSON.parse((await run(text, "--list", list, "--json")).stdout) as { fired: { word: string }[] };
    expect(fired.map((found) => found.word)).toContain(word);
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
    expect(stderr).toMatch(/bad\.csv, line 1: .*1 to 5/);
    expect((await run("text", "--list", join(folder, "none.txt"))).code).toBe(3);
  });
});

describe("ocellus guard lint", () => {
  const list = file("published.txt", "glarb\nx\nglarb\n!!\nthe\n");
  const ordinary = file("news.txt", "The fox.\nThe dog.\nThe cat ate a gl&#97;rb.\n");

  it("says by line what is dangerous in a list, and how often ordinary text is hit, encodings included", async () => {
    const { code, stdout } = await runGuard("lint", list, "--text", ordinary);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^unusable: 1\n {2}line 4: !!\n/);
    expect(stdout).toContain("short: 1\n  line 2: x\n");
    expect(stdout).toContain("duplicate: 1\n  line 3: glarb\n");
    expect(stdout).toContain("common: 2\n  line 1: glarb (1 sentences)\n  line 5: the (3 sentences)\n");
    expect(stdout).toMatch(/3 of 3 sentences match; 0 after cleaning\n$/);
  });

  it("writes the cleaned list as CSV, which a policy reads, and prints JSON", async () => {
    const cleaned = join(folder, "cleaned.csv");
    const { stdout } = await runGuard("lint", list, "--clean", cleaned, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ numCleaned: 2, problems: [{ line: 2, kind: "short" }, {}, {}] });
    expect(readFileSync(cleaned, "utf8")).toBe('word,category,severity\n"glarb","words",1\n"the","words",1\n');
    expect(JSON.parse((await run("a glarb", "--list", cleaned, "--json")).stdout)).toMatchObject({
      numWords: 2,
      fired: [{}],
    });
  });

  it("names a file that is not there", async () => {
    expect((await runGuard("lint", join(folder, "none.txt"))).code).toBe(3);
  });
});
