import { afterEach, expect, it, vi } from "vitest";
import { families } from "../../../core/models/index.js";
import { main } from "../../main.js";

/** Standard output of a command line that is not a terminal. */
async function run(...argv: string[]): Promise<string> {
  let written = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    written += text;
    return true;
  });
  expect(await main(argv)).toBe(0);
  return written;
}
afterEach(() => vi.restoreAllMocks());

it("names every registered type with its abilities and repositories, without colours where it is piped", async () => {
  const text = await run("families");
  expect(text).not.toContain("\u001b");
  for (const { modelType, about } of families) {
    expect(text).toContain(`  ${modelType}: ${about.title}\n    `);
    for (const repository of about.repositories) expect(text).toContain(`\n    ${repository}\n`);
  }
});

it("prints the same as JSON", async () => {
  const listed = JSON.parse(await run("families", "--json"));
  expect(listed.map(({ modelType }: { modelType: string }) => modelType)).toEqual(families.map((f) => f.modelType));
  expect(listed.find(({ modelType }: { modelType: string }) => modelType === "qwen3_vl")).toEqual({
    modelType: "qwen3_vl",
    title: expect.any(String),
    kind: "vision_language",
    abilities: ["text", "images", "video", "several_images", "tools", "boxes", "thinking"],
    repositories: expect.arrayContaining(["Qwen/Qwen3-VL-2B-Instruct"]),
  });
});
