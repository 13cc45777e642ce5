/** All hostile checkpoints. */
import type { HostileCase } from "./cases.js";
import { configCases } from "./config-cases.js";
import { folderCases } from "./folder-cases.js";
import { pickleCases } from "./pickle-cases.js";
import { safetensorsCases } from "./safetensors-cases.js";
import { zipCases } from "./zip-cases.js";

export const allCases: readonly HostileCase[] = [
  ...safetensorsCases,
  ...pickleCases,
  ...zipCases,
  ...folderCases,
  ...configCases,
];
