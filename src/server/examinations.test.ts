import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { ocellusError } from "../core/base/ocellus-error.testkit.js";
import { temporaryFolder } from "../core/base/temporary-folder.testkit.js";
import { until } from "../core/base/until.testkit.js";
import { Examinations } from "./examinations.js";

describe("the reading of every value", () => {
  const hidden = { id: "hidden-v7", key: "content", folder: join(temporaryFolder(), "gone") };
  const known = { id: "prod", key: "other", folder: hidden.folder };

  it("names to those who ask only what they have named, and logs why it ended", async () => {
    const problems: unknown[] = [];
    const examinations = new Examinations((cause) => problems.push(cause));
    examinations.read(hidden);
    const refused = await Promise.resolve()
      .then(() => examinations.read(known))
      .catch((error: unknown) => error);
    expect(refused).toEqual(ocellusError("overloaded"));
    expect(JSON.stringify([String(refused), refused])).not.toContain(hidden.id);
    const same = { ...hidden, id: "prod" };
    await until(() => expect(examinations.of(same).state).toBe("failed"));
    expect(JSON.stringify(examinations.of(same))).not.toContain(hidden.id);
    expect(problems).toEqual([expect.objectContaining({ name: "OcellusError", cause: expect.anything() })]);
    await examinations.close();
  });

  it("that the server's end stops is no problem", async () => {
    const onProblem = vi.fn();
    const examinations = new Examinations(onProblem);
    examinations.read(hidden);
    await examinations.close();
    expect(onProblem).not.toHaveBeenCalled();
  });
});
