import { expect, it } from "vitest";
import { serveConfigSchema, settingGroups } from "./settings.js";

it("every setting is in one group of the help", () => {
  const grouped = Object.values(settingGroups).flat();
  expect([...grouped].sort()).toEqual(Object.keys(serveConfigSchema.shape).sort());
});
