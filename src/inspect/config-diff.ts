/** What changed in the small files beside the weights: JSON value by value, vocabularies and templates as a whole. */
import { shorten } from "../core/base/index.js";
import type { Checkpoint } from "../core/checkpoint/index.js";

export interface ConfigChange {
  readonly file: string;
  /** Keys joined by dots: `text_config.rope_theta`; empty for the file as a whole. */
  readonly path: string;
  /** JSON, shortened; absent where the value, or the whole file, is not there. */
  readonly a?: string;
  readonly b?: string;
}

/** A config has some hundred values; files of more changes than this are other files. */
const maxChangesOfFile = 500;

export async function configChanges(a: Checkpoint, b: Checkpoint): Promise<ConfigChange[]> {
  const names = [...new Set([...(await a.sideFiles()), ...(await b.sideFiles())])].sort();
  const changes: ConfigChange[] = [];
  for (const name of names) changes.push(...(await fileChanges(name, a, b)));
  return changes;
}

async function fileChanges(file: string, a: Checkpoint, b: Checkpoint): Promise<ConfigChange[]> {
  const [x, y] = await Promise.all([a.readText(file), b.readText(file)]);
  if (x === y) return [];
  const one = (text: string | undefined) => (text === undefined ? undefined : `${text.length} characters`);
  const whole = { file, path: "", ...sides(one(x), one(y)) };
  const isConfig = file.endsWith(".json") && !/^(tokenizer|vocab)\.json$/.test(file);
  if (x === undefined || y === undefined || !isConfig) return [whole];
  const [left, right] = [leaves(await a.readJson(file)), leaves(await b.readJson(file))];
  const paths = [...new Set([...left.keys(), ...right.keys()])].filter((path) => left.get(path) !== right.get(path));
  if (paths.length > maxChangesOfFile) return [whole];
  return paths.map((path) => ({ file, path, ...sides(left.get(path), right.get(path)) }));
}

function sides(a: string | undefined, b: string | undefined): { a?: string; b?: string } {
  return { ...(a !== undefined && { a: shorten(a, 200) }), ...(b !== undefined && { b: shorten(b, 200) }) };
}

/** Values under their paths, as JSON; lists are values. Our reader has bounded the depth. */
function leaves(json: unknown, path = "", into = new Map<string, string>()): Map<string, string> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return into.set(path, JSON.stringify(json));
  for (const [key, value] of Object.entries(json)) leaves(value, path === "" ? key : `${path}.${key}`, into);
  return into;
}
