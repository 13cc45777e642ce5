import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HUB_URL } from "@huggingface/hub";
import { afterAll, describe, expect, it } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { chooseFiles } from "./choose-files.js";
import { hubFromEnvironment, isOffline } from "./hub.js";
import type { RemoteFile } from "./remote-files.js";

const home = mkdtempSync(join(tmpdir(), "ocellus-home-"));
afterAll(() => rmSync(home, { recursive: true }));
writeFileSync(join(home, "token"), "hf_saved\n");

describe("hubFromEnvironment", () => {
  it("takes endpoint and token from the variables, then the saved token, then none", async () => {
    const env = { HF_ENDPOINT: "https://mirror.example/hub/", HF_HOME: home };
    expect(await hubFromEnvironment(env)).toMatchObject({ endpoint: "https://mirror.example/hub", token: "hf_saved" });
    expect(await hubFromEnvironment({ ...env, HF_TOKEN: "a", HUGGING_FACE_HUB_TOKEN: "b" })).toMatchObject({
      token: "a",
    });
    expect(await hubFromEnvironment({ ...env, HUGGING_FACE_HUB_TOKEN: "b" })).toMatchObject({ token: "b" });
    const bare = await hubFromEnvironment({ HF_HOME: join(home, "none") });
    expect(bare).toEqual({ endpoint: HUB_URL, retryDelayMs: 500 });
  });

  it.each(["mirror.example", "ftp://mirror.example", "https://user:secret@mirror.example", "https://mirror.example?x"])(
    "refuses the endpoint %s without repeating it",
    async (HF_ENDPOINT) => {
      const error = await hubFromEnvironment({ HF_ENDPOINT, HF_HOME: home }).catch((thrown) => thrown);
      expect(error).toEqual(ocellusError("invalid_request", { variable: "HF_ENDPOINT" }));
      expect(error.message + JSON.stringify(error.details)).not.toMatch(/mirror|secret/);
    },
  );

  it("refuses a token that is none, and does not show it", async () => {
    const error = await hubFromEnvironment({ HF_TOKEN: "hf_sec\nret" }).catch((thrown) => thrown);
    expect(error).toEqual(ocellusError("invalid_request", { variable: "HF_TOKEN" }));
    expect(error.message + JSON.stringify(error.details)).not.toMatch(/sec|ret/);
  });

  it.each([
    ["1", true],
    ["YES", true],
    ["0", false],
    [undefined, false],
  ])("HF_HUB_OFFLINE=%s means %s", (HF_HUB_OFFLINE, offline) => expect(isOffline({ HF_HUB_OFFLINE })).toBe(offline));
});

describe("chooseFiles", () => {
  const files = (...paths: string[]): RemoteFile[] =>
    paths.map((path) => ({ path, sizeBytes: 1, digest: "a".repeat(40), digestKind: "git-sha1" }));
  const chosen = (all: string[], include?: string[]) =>
    chooseFiles("a/b", files(...all), include).files.map((f) => f.path);

  it("takes the one usual file over its copies, in the order in which a checkpoint is opened", () => {
    expect(chosen(["consolidated.safetensors", "model.fp16.safetensors", "model.safetensors"])).toEqual([
      "model.safetensors",
    ]);
    const sharded = ["model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json"];
    expect(chosen([...sharded, "consolidated.safetensors", "pytorch_model.bin"])).toEqual(sharded);
    expect(chosen([...sharded, "model.safetensors"])).toEqual(["model.safetensors"]); // the shards are of an older save
    const shardedBin = ["pytorch_model-1.bin", "pytorch_model.bin.index.json"];
    expect(chosen([...shardedBin, "model.onnx"])).toEqual(shardedBin);
    expect(chosen([...shardedBin, "pytorch_model.bin"])).toEqual(["pytorch_model.bin"]);
    expect(chosen(["pytorch_model.bin", "training_args.bin", "optimizer.pt", "model.gguf"])).toEqual([
      "pytorch_model.bin",
    ]);
    expect(chosen(["model.pth", "original/consolidated.pth"])).toEqual(["model.pth"]);
  });

  it("never takes a name that means something to us in a pulled folder", () => {
    expect(chosen(["model.safetensors", "ocellus.json", "model.safetensors.part"], ["**"])).toEqual([
      "model.safetensors",
    ]);
  });
});
