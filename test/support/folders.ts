/** The repository and its fixtures' folders, and temporary ones. */
import { join, resolve } from "node:path";

export { temporaryFolder } from "../../src/core/base/temporary-folder.testkit.js";

export const repository = resolve(import.meta.dirname, "../..");
export const goldenFolder = join(repository, "test/golden/qwen3_vl_resampler");
