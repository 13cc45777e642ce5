/** Where in a JSON text a value stands, for messages that name the line. */
import { JsonProblem } from "./json.js";

const tokenPattern = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** The line, from 1, of the value at `path`, or of the innermost part of the path that is there. */
export function lineOf(text: string, path: readonly PropertyKey[]): number {
  const tokens = [...text.matchAll(tokenPattern)];
  let at = 0;
  for (const part of path) {
    const inner = memberAt(tokens, at, part);
    if (inner === undefined) break;
    at = inner;
  }
  return lineAt(text, tokens[at]?.index ?? 0);
}

/** The line where a text stops to be JSON, or goes beyond a bound. */
export function lineOfProblem(text: string, problem: unknown): number {
  const at = problem instanceof JsonProblem ? problem.details.at : undefined;
  return lineAt(text, typeof at === "number" ? at - 1 : text.length);
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

/** Token of the member `part` of the object or list that begins at token `at`. */
function memberAt(tokens: readonly RegExpExecArray[], at: number, part: PropertyKey): number | undefined {
  const isList = tokens[at]?.[0] === "[";
  let depth = 0;
  let index = 0;
  for (let i = at; i < tokens.length; i++) {
    const token = tokens[i]![0];
    const opens = token === "{" || token === "[";
    if (token === "}" || token === "]") depth--;
    if (depth === 1 && token === ",") index++;
    const begins = isList ? tokens[i - 1]?.[0] === (index === 0 ? "[" : ",") && i > at : tokens[i + 1]?.[0] === ":";
    if (depth === 1 && begins && (isList ? index === part : JSON.parse(token) === part)) return isList ? i : i + 2;
    if (opens) depth++;
    if (depth === 0) return undefined;
  }
  return undefined;
}
