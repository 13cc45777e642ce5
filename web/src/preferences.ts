/** What the reader has chosen, kept in this browser's localStorage. Language and theme follow the system until chosen. */
import { createContext, useContext, useEffect, useState } from "react";

export type Language = "en" | "zh";
export type Theme = "light" | "dark";
export type AnswerFormat = "text" | "json_object" | "json_schema";

/** Fields of a request as they are typed; an empty one is not sent, and the model's own default holds. */
export interface Settings {
  readonly system: string;
  readonly format: AnswerFormat;
  readonly schema: string;
  readonly probabilities: boolean;
  readonly numbers: Readonly<Partial<Record<NumberField, string>>>;
  readonly stop: string;
}

export const numberFields = {
  temperature: { min: 0, max: 2, step: 0.1 },
  top_p: { min: 0, max: 1, step: 0.05 },
  top_k: { min: 0, max: 1000, step: 1 },
  min_p: { min: 0, max: 1, step: 0.05 },
  repetition_penalty: { min: 0.1, max: 2, step: 0.05 },
  presence_penalty: { min: -2, max: 2, step: 0.1 },
  frequency_penalty: { min: -2, max: 2, step: 0.1 },
  max_tokens: { min: 1, max: 1_000_000, step: 1 },
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER, step: 1 },
  min_pixels: { min: 1, max: 1e9, step: 1 },
  max_pixels: { min: 1, max: 1e9, step: 1 },
} as const;
export type NumberField = keyof typeof numberFields;

export const plainSettings: Settings = {
  system: "",
  format: "text",
  schema: "",
  probabilities: true,
  numbers: {},
  stop: "",
};

export interface Preferences {
  readonly language: Language;
  readonly theme: Theme;
  readonly model: string;
  readonly key: string;
  /** For /admin, which has keys of its own. */
  readonly adminKey: string;
  readonly settings: Settings;
  /** Questions that are asked often; absent: those that the page comes with. */
  readonly templates: readonly string[] | undefined;
  /** Whether the large picture stands beside the talk, where there is room. */
  readonly showsPicture: boolean;
}

const place = "ocellus.preferences";

function stored(): Partial<Preferences> {
  try {
    return JSON.parse(localStorage.getItem(place) ?? "{}") as Partial<Preferences>;
  } catch {
    return {};
  }
}

/** As the page begins. */
export function firstPreferences(): Preferences {
  const kept = stored();
  return {
    language: kept.language ?? (navigator.language.startsWith("zh") ? "zh" : "en"),
    theme: kept.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"),
    model: kept.model ?? "",
    key: kept.key ?? "",
    adminKey: kept.adminKey ?? "",
    settings: { ...plainSettings, ...kept.settings },
    templates: kept.templates,
    showsPicture: kept.showsPicture ?? true,
  };
}

/** For `api.ts`, which is no component. */
export function storedKey(name: "key" | "adminKey" = "key"): string {
  return stored()[name] ?? "";
}

/** What another tab changes is changed here too. Model and settings are each tab's own until it is loaded again. */
function ofAllTabs(): Partial<Preferences> {
  const { theme, key, adminKey, templates } = firstPreferences();
  return { theme, key, adminKey, templates };
}

/**
 * What is stored, with what was changed here: what was not chosen goes on following the system, and settings that another tab has
 * changed since stay.
 */
export function withChanges(
  kept: Partial<Preferences>,
  shown: Preferences,
  part: Partial<Preferences>,
): Partial<Preferences> {
  if (!part.settings) return { ...kept, ...part };
  const settings = { ...plainSettings, ...kept.settings, ...changedOf(shown.settings, part.settings) };
  const numbers = { ...kept.settings?.numbers, ...changedOf(shown.settings.numbers, part.settings.numbers) };
  return { ...kept, ...part, settings: { ...settings, numbers } };
}

/** Fields with other values, or with none any more. */
function changedOf<T extends object>(from: T, to: T): Partial<T> {
  const names = Object.keys({ ...from, ...to }) as (keyof T)[];
  return Object.fromEntries(names.flatMap((name) => (from[name] === to[name] ? [] : [[name, to[name]]]))) as Partial<T>;
}

export function usePreferencesState() {
  const [preferences, set] = useState(firstPreferences);
  const { language, theme } = preferences;
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.documentElement.dataset.theme = theme;
  }, [language, theme]);
  useEffect(() => {
    const follow = (event: StorageEvent) => event.key === place && set((old) => ({ ...old, ...ofAllTabs() }));
    addEventListener("storage", follow);
    return () => removeEventListener("storage", follow);
  }, []);
  const change = (part: Partial<Preferences>) => {
    localStorage.setItem(place, JSON.stringify(withChanges(stored(), preferences, part)));
    set((old) => ({ ...old, ...part }));
  };
  return { ...preferences, change };
}

export const PreferencesContext = createContext<ReturnType<typeof usePreferencesState> | undefined>(undefined);

export function usePreferences() {
  return useContext(PreferencesContext)!;
}
