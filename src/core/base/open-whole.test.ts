import { expect, it } from "vitest";
import { openWhole } from "./open-whole.js";

it("gives the whole with its parts open, or closes what was opened, the last first, also what opens later", async () => {
  const closed: string[] = [];
  const broken = new Error("does not open");
  const part = async (name: string, afterMs = 0) => {
    await new Promise((done) => setTimeout(done, afterMs));
    if (name === "bad") throw broken;
    return { name, close: async () => void closed.push(name) };
  };
  const build = (last: string) =>
    openWhole(async (keep) => {
      const first = await keep(part("first"));
      const [slow, other] = await Promise.all([keep(part("slow", 20)), keep(part(last))]);
      return [first, slow, other].map(({ name }) => name);
    });
  expect(await build("good")).toEqual(["first", "slow", "good"]);
  expect(closed).toEqual([]);
  await expect(build("bad")).rejects.toBe(broken);
  expect(closed).toEqual(["slow", "first"]);
});
