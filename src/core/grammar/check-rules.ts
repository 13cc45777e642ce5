/** Rules that would never end, found before anything is written: those that need themselves, and those that are themselves. */
import type { Expression, Expressions } from "./expression.js";

/** A rule of which no finite text exists, or that leads back to itself before any byte is written. */
export function brokenRule(
  of: Expressions,
): { readonly name: string; readonly problem: "endless" | "circular" } | undefined {
  for (const name of of.rules.keys()) if (startsWith(of, name)) return { name, problem: "circular" };
  const finite = finiteRules(of);
  for (const name of of.rules.keys()) if (!finite.has(name)) return { name, problem: "endless" };
  return undefined;
}

/** Whether a text of the rule may begin with the rule itself. */
function startsWith(of: Expressions, name: string): boolean {
  const seen = new Set<Expression>();
  const open = [of.rules.get(name)!];
  for (let at = open.pop(); at; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    of.spend(1);
    const { shape } = at;
    if (shape.kind === "choice") open.push(...shape.options);
    if (shape.kind === "repeat") open.push(shape.item);
    if (shape.kind === "sequence") open.push(shape.first, ...(shape.first.isNullable ? [shape.rest] : []));
    if (shape.kind === "rule" && shape.name === name) return true;
    if (shape.kind === "rule") open.push(of.rules.get(shape.name)!);
  }
  return false;
}

/** Those of which finite texts exist: round by round, until a round finds no further one. */
function finiteRules(of: Expressions): ReadonlySet<string> {
  const finite = new Set<string>();
  for (let before = -1; before < finite.size; ) {
    before = finite.size;
    const known = new Map<Expression, boolean>();
    for (const [name, body] of of.rules)
      if (!finite.has(name) && isFiniteText(body, finite, known, of)) finite.add(name);
  }
  return finite;
}

function isFiniteText(
  start: Expression,
  rules: ReadonlySet<string>,
  known: Map<Expression, boolean>,
  of: Expressions,
): boolean {
  let at = start;
  for (
    ;
    at.shape.kind === "sequence";
    at = at.shape.rest // long sequences would be a deep recursion
  )
    if (!isPart(at.shape.first)) return false;
  return isPart(at);

  function isPart(part: Expression): boolean {
    const answer = known.get(part) ?? judge(part);
    known.set(part, answer);
    return answer;
  }

  function judge(part: Expression): boolean {
    of.spend(1);
    const { shape } = part;
    if (shape.kind === "nothing") return false;
    if (shape.kind === "rule") return rules.has(shape.name);
    if (shape.kind === "choice") return shape.options.some((option) => isFiniteText(option, rules, known, of));
    if (shape.kind === "repeat") return shape.min === 0 || isFiniteText(shape.item, rules, known, of);
    return true; // what lexemes and the like hold has been looked at when it was made
  }
}
