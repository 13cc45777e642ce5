import { describe, expect, it } from "vitest";
import { type Preferences, plainSettings, withChanges } from "./preferences.js";

const shown: Preferences = {
  ...{ language: "en", theme: "light", model: "", key: "", adminKey: "", templates: undefined, showsPicture: true },
  settings: { ...plainSettings, numbers: { seed: "1", top_k: "9" } },
};

describe("what a tab stores of its preferences", () => {
  it("leaves what it has not changed as another tab has stored it", () => {
    const kept = {
      theme: "dark",
      settings: { ...plainSettings, system: "Be brief.", numbers: { seed: "2" } },
    } as const;
    const settings = { ...shown.settings, stop: "END", numbers: { ...shown.settings.numbers, temperature: "0" } };
    expect(withChanges(kept, shown, { settings })).toEqual({
      theme: "dark",
      settings: { ...plainSettings, system: "Be brief.", stop: "END", numbers: { seed: "2", temperature: "0" } },
    });
    expect(withChanges(kept, shown, { model: "tiny" })).toEqual({ ...kept, model: "tiny" });
  });

  it("takes away what was taken away", () => {
    const { settings } = withChanges({ settings: shown.settings }, shown, { settings: plainSettings });
    expect(JSON.parse(JSON.stringify(settings))).toEqual(plainSettings);
  });
});
