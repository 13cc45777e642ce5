import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../base/temporary-folder.testkit.js";
import { createTokenizer } from "../tokenizer/index.js";
import { TextWorkers } from "./text-workers.js";

const fixture = join(import.meta.dirname, "../tokenizer/fixtures/byte-level.json");
const tokenizerJson = JSON.parse(readFileSync(fixture, "utf8")).tokenizer;
const tokenizer = createTokenizer(tokenizerJson, {});
const folder = temporaryFolder();
const opened: TextWorkers[] = [];
beforeAll(() => {
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizerJson));
});
afterAll(() => Promise.all(opened.map((threads) => threads.close())));

async function open(template: string | undefined, limits = { maxMs: 1500, maxMiB: 48 }): Promise<TextWorkers> {
  const threads = await TextWorkers.open(tokenizer, template, folder, limits);
  opened.push(threads);
  return threads;
}

const bad = (body: string) =>
  `{%- if messages[0].content == 'bad' -%}${body}{%- else -%}{{ messages[0].content }}{%- endif -%}`;
const say = (content: string) => [{ role: "user", content }] as const;

/** Turns that the caller's event loop took while something was done elsewhere. */
async function turnsBeside(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await work().finally(() => clearInterval(timer));
  return turns;
}

describe("a chat template that a stranger wrote", () => {
  it.each([
    ["loops in loops", "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}"],
    ["a list of a milliard", "{% for a in range(1000000000) %}{% endfor %}"],
    [
      "a list that doubles",
      "{% set n = namespace(x=[1]) %}{% for a in range(40) %}{% set n.x = n.x + n.x %}{% endfor %}",
    ],
    [
      "a list within lists",
      "{% set n = namespace(x=[1]) %}{% for a in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}",
    ],
  ])("is ended where it writes %s, and answers the next conversation", async (_, body) => {
    const threads = await open(bad(body));
    expect(await threads.render(say("good"), {})).toBe("good");
    const limit = expect.stringMatching(/^(time|memory)$/); // whichever it meets first
    await expect(threads.render(say("bad"), {})).rejects.toMatchObject({ code: "invalid_config", details: { limit } });
    expect(await threads.render(say("still good"), {})).toBe("still good");
  });

  it.each([
    [
      "text that doubles",
      "{% set n = namespace(x='aa') %}{% for a in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    ],
    [
      "text of thirty million letters",
      "{{ '%s' | replace('%s', 'a' * 1) }}{% for a in range(30000) %}{{ ' ' | indent(1000, true) }}{% endfor %}",
    ],
    ["endless calls of itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"],
    ["a refusal", "{{ raise_exception('no') }}"],
  ])("is refused in our words where it writes %s", async (_, body) => {
    const threads = await open(bad(body), { maxMs: 20_000, maxMiB: 256 });
    const code = expect.stringMatching(/^(invalid_request|invalid_config|too_large)$/);
    await expect(threads.render(say("bad"), {})).rejects.toMatchObject({ name: "OcellusError", code });
    expect(await threads.render(say("good"), {})).toBe("good");
  });

  it.each([
    ["missing", undefined],
    ["broken", "{% if %}"],
    ["slow to parse", `${" ".repeat(2 ** 19)}{{ a }}${" ".repeat(2 ** 19 - 9)}`],
    ["longer than any", "a".repeat(2 ** 20 + 1)],
  ])("is an invalid_config when it is %s", async (_, template) => {
    await expect(open(template)).rejects.toMatchObject({ code: "invalid_config" });
  });

  it("is given JSON as it was written", async () => {
    const threads = await open("{{ tools | tojson }}");
    const tools = [{ b: 1, a: [null, "\ud83d", "\u2028"] }];
    expect(await threads.render(say("x"), { tools })).toBe('[{"b": 1, "a": [null, "\\ud83d", "\u2028"]}]');
  });
});

describe("a long text", () => {
  it("is tokenised on the thread, the same as here, while the caller's thread continues", async () => {
    const threads = await open("{{ messages[0].content }}");
    const text = "这是 a test 😀\n".repeat(10_000);
    const expected = tokenizer.encode(text);
    const here = vi.spyOn(tokenizer, "encode");
    let ids: readonly number[] = [];
    const turns = await turnsBeside(async () => {
      ids = await threads.encode(text, {});
    });
    expect(here).not.toHaveBeenCalled();
    expect(ids).toEqual(expected);
    expect(turns).toBeGreaterThan(3); // none, were it tokenised here
    expect(await threads.encode("short", {})).toEqual(tokenizer.encode("short"));
    here.mockRestore();
    const refused = expect(threads.encode(text, { maxTokens: 100 })).rejects;
    await refused.toMatchObject({ code: "too_large", details: { maxTokens: 100 } });
  });
});
