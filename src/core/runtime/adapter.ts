/** LoRA adapters for the public API: opened with the grammar's patterns, which read any pattern of a config in linear time. */
import { type Adapter, openAdapter as openFolder } from "../checkpoint/index.js";
import { patternMatcher } from "../grammar/index.js";

/**
 * Opens a LoRA folder of PEFT, to be merged by `pack`.
 * @throws `not_found`, `invalid_file`, `unsupported` naming a field or a tensor that is not merged here, `io`.
 */
export function openAdapter(folder: string): Promise<Adapter> {
  return openFolder(folder, patternMatcher);
}
