/** Every example runs by the command its page names, and says what its pictures show. */
import { execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repository } from "../support/folders.js";

const tsx = join(repository, "node_modules/tsx/dist/cli.mjs");
const run = (name: string) =>
  execFileSync(process.execPath, [tsx, `examples/${name}`], { cwd: repository, encoding: "utf8" });

describe("the examples", () => {
  it("each have a line and a command on their page", () => {
    const page = readFileSync(join(repository, "examples/README.md"), "utf8");
    const named = [...page.matchAll(/npx tsx examples\/([\w-]+\.ts)/g)].map((m) => m[1]);
    expect(named.sort()).toEqual(readdirSync(join(repository, "examples")).filter((name) => name.endsWith(".ts")));
  });

  it("catalogue: titles every product", () => {
    const rows = run("catalogue.ts")
      .trim()
      .split("\n")
      .map((text) => JSON.parse(text));
    expect(rows.length).toBeGreaterThan(4);
    expect(rows.find((row) => row.image === "dress.jpg")).toEqual({
      image: "dress.jpg",
      title: "A red dotted dress.",
      title_zh: "一条红色圆点连衣裙。",
      class: "A dress.",
      colour: "Red.",
    });
  });

  it("help desk: answers a code it knows", () => {
    expect(run("help-desk.ts")).toMatch(/screen-error\.jpg\n {2}saw: Error, code 404\n {2}reply: The page has moved/);
  });

  it("web app: shows its page, streams an answer, and tells what is no picture", async () => {
    const child = spawn(process.execPath, [tsx, "examples/web-app.ts"], {
      cwd: repository,
      env: { ...process.env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const url = await new Promise<string>((found) => child.stdout.once("data", (text) => found(`${text}`.trim())));
      expect(await (await fetch(url)).text()).toContain("<form>");
      const ask = (body: Buffer | string) =>
        fetch(`${url}/ask?question=${encodeURIComponent("What colour is the product?")}`, { method: "POST", body });
      expect(await (await ask(readFileSync(join(repository, "examples/pictures/dress.jpg")))).text()).toBe("Red.");
      const refused = await ask("no picture");
      expect([refused.status, await refused.text()]).toEqual([400, expect.stringMatching(/image/)]);
    } finally {
      child.kill();
    }
  });
});
