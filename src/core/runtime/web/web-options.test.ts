import { expect, it } from "vitest";
import { ocellusError } from "../../base/ocellus-error.testkit.js";
import { checkOptions, type WebModelOptions, webModelNames } from "./web-options.js";

const check = (options: object) => checkOptions(options as WebModelOptions, webModelNames);

it("refuses by name what is not an option, or not a value of it", () => {
  for (const [param, options] of Object.entries({
    device: { device: "cuda" },
    wasmCompression: { wasmPaths: "/ort/", wasmCompression: "br" },
    speculation: { speculation: "on" },
    wasmPath: { wasmPath: "/ort/" },
  }))
    expect(() => check(options), param).toThrow(ocellusError("invalid_request", { param }));
  expect(() => check({ wasmCompression: "gzip" })).toThrow(
    ocellusError("invalid_request", { param: "wasmCompression", found: "none" }),
  );
});

it("takes every value there is", () => {
  check({
    device: "auto",
    wasmPaths: "/ort/",
    wasmCompression: "gzip",
    speculation: "off",
    memory: { pinnedBytes: 0 },
  });
  check({});
});
