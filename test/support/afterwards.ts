/** After each test file, also where the next one is run by the same process: no variable, global and folder of it is left. */
import { afterAll, vi } from "vitest";
import { removeTemporaryFolders } from "../../src/core/base/temporary-folder.testkit.js";

afterAll(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  removeTemporaryFolders();
});
