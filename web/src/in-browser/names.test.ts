/** Names of models in this browser: each stands behind the server's model that it is a copy of, and never in its place. */
import { describe, expect, it, vi } from "vitest";
import type { WireModel } from "../../../src/protocol/index.js";
import {
  beginAnswerHere,
  chosenOf,
  isAnsweringHere,
  isInBrowser,
  obstacleHere,
  serverNameOf,
  withBrowserModels,
} from "./names.js";

const model = (id: string, ocellus: Partial<WireModel["ocellus"]>) =>
  ({ id, ocellus: { kind: "chat", device: "cpu", ...ocellus } }) as WireModel;
const models = withBrowserModels([
  model("a", {}),
  model("b", { browser_bytes: 5 }),
  model("c", { browser_bytes: 5, kind: "embedding" }),
]);

describe("models in this browser", () => {
  it("stand behind those of which the server gives the files, and answer questions", () => {
    expect(models.map(({ id }) => id)).toEqual(["a", "b", "in-browser:b", "c"]);
    expect(models.map(({ id }) => [isInBrowser(id), serverNameOf(id)])[2]).toEqual([true, "b"]);
    expect(models[2]!.ocellus.device).toBe("browser");
  });

  it("are not replaced by a server's where one was chosen that is not offered", () => {
    expect(chosenOf(models, "in-browser:b")?.id).toBe("in-browser:b");
    expect(chosenOf(models, "in-browser:gone")).toBeUndefined();
    expect(chosenOf(models, "gone")?.id).toBe("a");
    expect(chosenOf(models.slice(2), "gone")?.id).toBe("c");
  });

  it("need SIMD and a page of https or localhost", () => {
    vi.stubGlobal("isSecureContext", true);
    expect(obstacleHere()).toBeUndefined(); // Node has SIMD too
    vi.stubGlobal("WebAssembly", { validate: () => false });
    expect(obstacleHere()).toBe("simd");
    vi.stubGlobal("isSecureContext", false);
    expect(obstacleHere()).toBe("insecure");
    vi.unstubAllGlobals();
  });

  it("are answering as long as one of them is", () => {
    const ends = [beginAnswerHere(), beginAnswerHere()];
    ends[0]!();
    expect(isAnsweringHere()).toBe(true);
    ends[1]!();
    expect(isAnsweringHere()).toBe(false);
  });
});
