/** A call as a person put it together in the room of the API: its address, the program that makes it, and the call itself. */
import { storedKey } from "../preferences.js";
import type { Operation } from "./document.js";

export interface Call {
  readonly method: string;
  /** With its parameters, from the root. */
  readonly path: string;
  readonly body?: string | FormData;
}

export interface Called {
  readonly status: number;
  readonly ms: number;
  readonly requestId: string | null;
  readonly text: string;
  /** Of an answer that is a picture. */
  readonly picture?: string;
  readonly isOpen: boolean;
}

/** An answer beyond this many characters is cut: a person does not read it, and a browser is slow to show it. */
const maxShown = 100_000;

export function pathOf({ path, parameters }: Operation, values: Readonly<Record<string, string>>): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const query = new URLSearchParams(
    parameters.flatMap(({ name, in: place }) => (place === "query" && values[name] ? [[name, values[name]!]] : [])),
  ).toString();
  return query ? `${filled}?${query}` : filled;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function curlOf({ method, path, body }: Call, needsKey: boolean): string {
  const url = new URL(path.slice(1), document.baseURI).href;
  const parts = [`curl ${method === "get" ? "" : `-X ${method.toUpperCase()} `}${quoted(url)}`];
  if (needsKey) parts.push('-H "Authorization: Bearer $OCELLUS_KEY"');
  if (typeof body === "string") parts.push("-H 'Content-Type: application/json'", `-d ${quoted(body)}`);
  else if (body) for (const [name, value] of body) parts.push(`-F ${quoted(`${name}=${formValue(value)}`)}`);
  return parts.join(" \\\n  ");
}

function formValue(value: FormDataEntryValue): string {
  return typeof value === "string" ? value : `@${value.name}`;
}

/** Tells what has come, also while more comes. @throws when there is no response. */
export async function makeCall(
  { method, path, body }: Call,
  onChange: (called: Called) => void,
  signal: AbortSignal,
): Promise<void> {
  const key = storedKey(path.startsWith("/admin/") ? "adminKey" : "key");
  const startMs = performance.now();
  const headers = {
    ...(typeof body === "string" && { "content-type": "application/json" }),
    ...(key && { authorization: `Bearer ${key}` }),
  };
  const init = { method: method.toUpperCase(), headers, signal, ...(body !== undefined && { body }) };
  const response = await fetch(new URL(path.slice(1), document.baseURI), init);
  const head = { status: response.status, requestId: response.headers.get("x-request-id") };
  const tell = (text: string, more: Partial<Called> = {}) =>
    onChange({ ...head, ms: performance.now() - startMs, text, isOpen: true, ...more });
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("image/"))
    return tell("", { picture: URL.createObjectURL(await response.blob()), isOpen: false });
  const text = await readText(response.body, tell);
  tell(type.startsWith("application/json") ? pretty(text) : text, { isOpen: false });
}

async function readText(body: ReadableStream<Uint8Array> | null, tell: (text: string) => void): Promise<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  try {
    while (reader && text.length < maxShown) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += decoder.decode(value, { stream: true });
      tell(text);
    }
  } finally {
    await reader?.cancel().catch(() => {});
  }
  return `${text.slice(0, maxShown)}…`;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2).slice(0, maxShown);
  } catch {
    return text;
  }
}
