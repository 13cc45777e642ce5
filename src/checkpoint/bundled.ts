/** The model that is part of the package. The same two steps up lead to the package's root from src/checkpoint and from dist/checkpoint. */
import { fileURLToPath } from "node:url";

export const bundledModel = fileURLToPath(new URL("../../checkpoints/ocellus-tiny", import.meta.url));
