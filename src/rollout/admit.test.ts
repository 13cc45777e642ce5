/** What people write into the journal is seen before it is kept; what servers decide is never held up. */
import { describe, expect, it } from "vitest";
import { OcellusError } from "../core/base/index.js";
import { promote, startCanary } from "./canary-commands.js";
import { deploy, publishVersion, removeVersion, rollBack } from "./commands.js";
import { about, manifestOf, modelFolder, openRegistry } from "./registry.testkit.js";

const forbidden = "blorb";
const admit = async (written: readonly string[]) => {
  if (written.some((text) => text.includes(forbidden))) throw new OcellusError("blocked", "forbidden");
};

/** v1 in `prod`, a canary v2. */
async function open() {
  const seen: string[] = [];
  const registry = await openRegistry({
    admit: async (written) => {
      seen.push(...written);
      await admit(written);
    },
  });
  for (const tag of ["v1", "v2"]) await registry.run("a", publishVersion(manifestOf(tag)));
  await registry.run("a", deploy("prod", "v1"));
  await registry.run("a", startCanary("prod", "v2", { steps: [0.5], analysis: true, gate: "https://gate.example/a" }));
  return { registry, seen };
}

describe("what is written into the journal", () => {
  it.each([
    ["a tag", publishVersion(manifestOf(forbidden))],
    ["notes", publishVersion({ ...manifestOf("v3"), notes: `a ${forbidden}` })],
    ["a family", publishVersion({ ...manifestOf("v3"), family: forbidden })],
    [
      "a file's name",
      publishVersion({ ...manifestOf("v3"), files: [{ ...manifestOf("v3").files[0]!, path: `a/${forbidden}` }] }),
    ],
    ["an alias", deploy(forbidden, "v1")],
    ["a reason to promote", promote("prod", { reason: forbidden })],
    ["a reason to roll back", rollBack("prod", { reason: forbidden })],
  ])("is refused before it is kept: %s", async (_, command) => {
    const { registry } = await open();
    const before = (await registry.history()).length;
    await expect(registry.run("a", command)).rejects.toMatchObject({ code: "blocked" });
    expect(await registry.history()).toHaveLength(before);
  });

  it("is refused before a folder is copied", async () => {
    const { registry } = await open();
    const folder = await modelFolder({ "config.json": "{}" });
    const publishing = registry.publish(folder, { ...about, tag: "v3", notes: forbidden });
    await expect(publishing).rejects.toMatchObject({ code: "blocked" });
    expect(registry.state.versions.has("v3")).toBe(false);
  });

  it("is each text once it is new, and nothing that is there already", async () => {
    const { registry, seen } = await open();
    const { family, quantization } = about;
    const ofManifest = (tag: string) => [tag, family, quantization, "model.safetensors"];
    expect(seen).toEqual([...ofManifest("v1"), ...ofManifest("v2"), "prod", "https://gate.example/a"]);
    await registry.run("a", rollBack("prod"));
    await registry.run("a", removeVersion("v2"));
    expect(seen).toHaveLength(10);
  });

  it("is not checked where a server decides: a rollback must not wait for a policy", async () => {
    const { registry } = await open();
    const { aliases } = await registry.run("canary-analysis", rollBack("prod", { reason: forbidden }), { isOwn: true });
    expect(aliases.get("prod")!.canary).toBeUndefined();
  });
});
