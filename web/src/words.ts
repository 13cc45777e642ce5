/** Which words the page speaks. */
import { type Language, usePreferences } from "./preferences.js";
import { en, type Words } from "./words-en.js";
import { zh } from "./words-zh.js";

const tables: Readonly<Record<Language, Words>> = { en, zh };

export function useWords(): Words {
  return tables[usePreferences().language];
}
