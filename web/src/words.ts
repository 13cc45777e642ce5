/** Which words the page speaks. English is always there; another language is loaded before it is shown. */
import { type Language, usePreferences } from "./preferences.js";
import { en, type Words } from "./words-en.js";

const tables: Partial<Record<Language, Words>> = { en };

/** What cannot be loaded is English. */
export async function loadWords(language: Language): Promise<void> {
  if (language === "zh") tables.zh ??= (await import("./words-zh.js").catch(() => undefined))?.zh ?? en;
}

export function useWords(): Words {
  return tables[usePreferences().language] ?? en;
}
