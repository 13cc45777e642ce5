import { describe, expect, it } from "vitest";
import { openKeys } from "./serve-access.js";
import { serveConfigSchema } from "./settings.js";

const open = (settings: object, isTerminal = false) => openKeys(serveConfigSchema.parse(settings), isTerminal);

describe("the admin key of a run", () => {
  it("is made and shown on a terminal, for a registry without admin keys", async () => {
    const { adminKeys, adminNote } = await open({ registry: "r" }, true);
    const [secret] = /sk-ocellus-[\w-]+/.exec(adminNote!)!;
    expect(await adminKeys!.find(secret)).toMatchObject({ name: "terminal" });
  });

  it("is in no log: without a terminal there is none, and how to make one is said", async () => {
    const { adminKeys, adminNote } = await open({ registry: "r" });
    expect(adminKeys).toBeUndefined();
    expect(adminNote).toMatch(/disabled.*--admin-keys-file/);
    expect(adminNote).not.toContain("sk-");
  });

  it("is not made where there are no versions, or where none is wanted", async () => {
    expect(await open({}, true)).toEqual({ keys: undefined, adminKeys: undefined, adminNote: undefined });
    expect((await open({ registry: "r", insecureLocalAdmin: true }, true)).adminKeys).toBeUndefined();
  });
});

it.each([
  { host: "0.0.0.0" },
  { host: "0.0.0.0", auth: false, insecureLocalAdmin: true },
  { insecureLocalAdmin: true, adminKeysFile: "admin.json" },
  { metricsKey: "api" },
  { metricsKey: "api", auth: false, keysFile: "keys.json" },
  { metricsKey: "admin" },
])("settings that leave a door open, or closed for all, are refused: %j", async (settings) => {
  await expect(open(settings)).rejects.toMatchObject({ code: "invalid_request" });
});
