/** `ocellus mcp` asked by the protocol's own client, as a coding assistant would: its own process, both protocol eras. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { beforeAll, describe, expect, it } from "vitest";
import { ocellusCommand } from "../support/command.js";
import { repository, temporaryFolder } from "../support/folders.js";

const folder = temporaryFolder();

async function withClient(mode: "legacy" | "auto", body: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  const [command, args] = ocellusCommand("mcp", "--threads", "1");
  const env = {
    ...(process.env as Record<string, string>),
    OCELLUS_CACHE: join(folder, "cache"),
    OCELLUS_DATA: join(folder, "data"),
  };
  const cwd = join(repository, "examples/pictures");
  await client.connect(new StdioClientTransport({ command, args, env, cwd, stderr: "ignore" }));
  await body(client).finally(() => client.close());
}

beforeAll(() => {
  const [command, args] = ocellusCommand("index", "add", "shop", join(repository, "examples/pictures"));
  const env = { ...process.env, OCELLUS_CACHE: join(folder, "cache"), OCELLUS_DATA: join(folder, "data") };
  execFileSync(command, args, { env, stdio: "ignore" });
});

describe("ocellus mcp", () => {
  it("offers ask, describe, match, read and search, by path and by data URL, and tells errors as tool errors", () =>
    withClient("auto", async (client) => {
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name).sort()).toEqual(["ask", "describe", "match", "read", "search"]);
      const call = (name: string, given: Record<string, unknown>) => client.callTool({ name, arguments: given });
      const words = async (name: string, given: Record<string, unknown>) => (await call(name, given)).content;
      const bytes = readFileSync(join(repository, "examples/pictures/dress.jpg"));
      const url = `data:image/jpeg;base64,${bytes.toString("base64")}`;
      const question = "What colour is the product?";
      for (const image of ["dress.jpg", url])
        expect(await words("ask", { images: [image], question })).toEqual([{ type: "text", text: "Red." }]);
      expect(await words("describe", { image: "dress.jpg" })).toEqual([{ type: "text", text: "A red dotted dress." }]);
      const chinese = { image: "dress.jpg", language: "zh" };
      expect(await words("describe", chinese)).toEqual([{ type: "text", text: "一条红色圆点连衣裙。" }]);
      for (const [claim, matches] of [
        ["a red dotted dress", true],
        ["a blue plain sandal", false],
      ]) {
        const { structuredContent } = await call("match", { image: "dress.jpg", text: claim });
        expect(structuredContent).toEqual({ matches, certainty: expect.any(Number), reason: expect.any(String) });
        expect((structuredContent as { certainty: number }).certainty).toBeGreaterThan(0.5);
      }
      expect(await words("read", { images: ["dress.jpg"], by: "model" })).toEqual([
        { type: "text", text: expect.stringMatching(/\S/) },
      ]);
      expect(await words("read", { images: ["screen-warning.png", "dress.jpg"] })).toEqual([
        { type: "text", text: expect.stringMatching(/Warning.*\n507\n/) },
        { type: "text", text: "" },
      ]);
      expect(await call("read", { images: ["dress.jpg"], max_tokens: 5 })).toMatchObject({ isError: true });
      const { structuredContent: found } = await call("search", { collection: "shop", image: "dress.jpg", count: 1 });
      expect(found).toMatchObject({
        hits: [{ score: expect.closeTo(1, 3), source: expect.stringContaining("dress.jpg") }],
      });
      expect(await call("search", { collection: "none", image: "dress.jpg" })).toMatchObject({ isError: true });
      for (const [image, problem] of [
        ["no-such.png", /no-such\.png: it does not exist/],
        ["labels.json", /labels\.json/],
        ["http://127.0.0.1/a.png", /^error: http:\/\/127\.0\.0\.1\/a\.png: .*data URL/],
      ] as const) {
        const result = await call("ask", { images: [image], question });
        expect(result).toMatchObject({ isError: true, content: [{ text: expect.stringMatching(problem) }] });
      }
      expect(await words("ask", { images: ["dress.jpg"], question })).toEqual([{ type: "text", text: "Red." }]);
    }));

  it("answers clients of the older protocol too", () =>
    withClient("legacy", async (client) => {
      const result = await client.callTool({ name: "describe", arguments: { image: "dress.jpg" } });
      expect(result.content).toEqual([{ type: "text", text: "A red dotted dress." }]);
    }));
});
