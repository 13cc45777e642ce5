/** The model that is part of the package. The same three steps up lead to the root of the package from src/core/checkpoint and from dist/core/checkpoint. */
import { fileURLToPath } from "node:url";

export const bundledModel = fileURLToPath(new URL("../../../checkpoints/ocellus-tiny", import.meta.url));
