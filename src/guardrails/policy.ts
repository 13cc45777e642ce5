/**
 * The policy: which guards there are, and what is done about what they find. A JSON file; a mistake in it is told with its
 * line, and a file with a mistake changes nothing.
 *
 *   {"guards": {"words": {"type": "words", "lists": ["words.txt"]}, "nsfw": {"type": "nsfw"}},
 *    "rules": [{"category": "sexual", "threshold": 0.8, "action": "block"},
 *              {"key": "alice", "category": "sexual", "action": "flag"}]}
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import {
  fieldExpectation,
  fileLimits,
  lineOf,
  lineOfProblem,
  nearestHint,
  OcellusError,
  parseJson,
} from "../core/base/index.js";
import { defaultAuditBytes } from "./audit.js";
import { patternProblem, personalKinds } from "./personal/find.js";
import { actions, categoryPattern, type Finding, type Judged, reaches, type Stage } from "./verdict.js";
import { foldings } from "./words/index.js";

const name = z.string().regex(/^[\w.-]{1,40}$/, "expected a name of 1 to 40 letters, digits, _ . or -");
const category = z.string().regex(categoryPattern, 'expected a category such as "violence" or "violence/graphic"');
const path = z.string().min(1).max(4096); // Linux's PATH_MAX
const probability = z.number().min(0).max(1);
/** A question or a caption; what is longer no tower reads. */
const prompt = z.string().min(1).max(500);
const prompts = z.array(prompt).min(1).max(64);
const digest = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hex digits: the SHA-256 of an image's pixels");

const common = {
  /** Of every text guard both doors, unless it says one. Pictures only go in. */
  stage: z
    .array(z.enum(["input", "output"]))
    .min(1)
    .max(2)
    .optional(),
  /** Of one look: beyond a minute a request's own deadline is near. */
  timeoutMs: z.number().int().min(1).max(60_000).optional(),
  onFailure: z.enum(["block", "allow"]).optional(),
};

/** Of a guardrail for texts: whether it looks at the text in images too. */
const readImages = z.boolean().optional();

/** Switches are named as docs/guards-words.md names them. */
function checkFoldings(switches: Readonly<Record<string, boolean>>, context: z.RefinementCtx): void {
  for (const key of Object.keys(switches))
    if (!(foldings as readonly string[]).includes(key))
      context.addIssue({
        code: "custom",
        path: [key],
        message: `there is no such folding${nearestHint(key, foldings)}`,
      });
}

const ownKind = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, "expected a name such as employee_number");

function checkPattern(source: string, context: z.RefinementCtx): void {
  const problem = patternProblem(source);
  if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
}

const guardSchema = z.discriminatedUnion("type", [
  z.strictObject({
    ...common,
    type: z.literal("words"),
    lists: z.array(z.union([path, z.strictObject({ file: path, format: z.enum(["text", "json", "csv"]) })])).max(1000),
    foldings: z.record(z.string(), z.boolean()).superRefine(checkFoldings).default({}),
    allow: z.array(z.string().min(1).max(200)).max(10_000).default([]),
    /** How far a word may stretch over messages and be found. */
    across: z.enum(reaches).default("turn"),
    readImages,
  }),
  z.strictObject({
    ...common,
    type: z.literal("personal-data"),
    /** Default: all. */
    kinds: z.array(z.enum(personalKinds)).max(personalKinds.length).optional(),
    /** Whether finds that are as likely something else are told too, with a score of 0.4. */
    weak: z.boolean().default(false),
    patterns: z.record(ownKind, z.string().min(1).max(1000).superRefine(checkPattern)).default({}),
    readImages,
  }),
  /** Pictures that somebody has seen and does not want to see again. */
  z.strictObject({ ...common, type: z.literal("known-images"), images: z.record(digest, category) }),
  z.strictObject({
    ...common,
    type: z.literal("webhook"),
    url: z.url({ protocol: /^https?$/ }),
    /** The environment variable that holds the secret: a secret does not belong into a policy. */
    secretVariable: z.string().regex(/^[A-Z_][A-Z0-9_]*$/, "expected the name of an environment variable"),
    retries: z.number().int().min(0).max(5).default(1),
    reads: z
      .array(z.enum(["text", "image"]))
      .min(1)
      .max(2)
      .default(["text", "image"]),
  }),
  z.strictObject({ ...common, type: z.literal("nsfw"), weights: path.optional() }),
  z.strictObject({
    ...common,
    type: z.literal("vit-classifier"),
    model: path,
    /** Which of the checkpoint's labels is which category; those that are not named are harmless. */
    labels: z.record(z.string().min(1).max(200), category),
  }),
  z.strictObject({
    ...common,
    type: z.literal("clip-policy"),
    model: path,
    categories: z.record(category, prompts),
    /** What harmless pictures show. */
    harmless: prompts.default(["a photo", "a photo of a product", "a screenshot", "a photo of people", "a landscape"]),
  }),
  z.strictObject({
    ...common,
    type: z.literal("ask"),
    /** A model of the server by its name; default the one that is asked. */
    model: z.string().min(1).max(200).optional(),
    questions: z.record(category, prompt),
    reads: z
      .array(z.enum(["text", "image"]))
      .min(1)
      .max(2)
      .default(["image"]),
  }),
]);
export type GuardConfig = z.infer<typeof guardSchema>;

const ruleSchema = z.strictObject({
  /** Who asks: the name of an API key; of the command line "cli". */
  key: z.string().min(1).max(200).optional(),
  /** `/v1/chat/completions`, or the beginning of several: `/v1/*`; of the command line `ask`, `mcp`, … */
  route: z.string().min(1).max(200).optional(),
  guard: name.optional(),
  stage: z.enum(["input", "output"]).optional(),
  /** `violence` is also `violence/graphic`. Absent: every category. */
  category: category.optional(),
  threshold: probability.default(0),
  action: z.enum(actions),
  replacement: z.string().max(200).optional(),
  /** Of `redact`: the model reads a pseudonym, which the caller's answer gives back. */
  pseudonym: z.boolean().optional(),
  /** What becomes of a number in JSON that is redacted: null, or the replacement as a string. Default: null. */
  jsonNumber: z.enum(["null", "string"]).optional(),
});
export type Rule = z.infer<typeof ruleSchema>;

const policySchema = z.strictObject({
  guards: z.record(name, guardSchema),
  rules: z.array(ruleSchema).max(10_000).default([]), // each finding walks them all
  onFailure: z.enum(["block", "allow"]).default("block"),
  audit: z
    .strictObject({
      file: path,
      /** Whether texts themselves are in the log, not only their digests. Pictures never do. */
      texts: z.boolean().default(false),
      /** Of one file of the log; below a MiB a busy hour is a hundred files. */
      maxBytes: z
        .number()
        .int()
        .min(2 ** 20)
        .max(2 ** 40)
        .default(defaultAuditBytes),
      /** Full files that stay; absent: all. */
      keep: z.number().int().min(1).max(1_000_000).optional(),
    })
    .optional(),
});
export type Policy = z.infer<typeof policySchema> & { readonly version: string };

/** A policy is read by people. */
const maxBytes = 4 * 2 ** 20;

export const emptyPolicy: Policy = { guards: {}, rules: [], onFailure: "block", version: "none" };

/** @throws `invalid_config` with `origin` and the line. */
export function parsePolicy(text: string, origin: string): Policy {
  if (text.length > maxBytes)
    throw new OcellusError("invalid_config", `${origin}: a policy of over 4 MiB`, {
      details: { path: origin, limit: maxBytes },
    });
  const result = policySchema.safeParse(parsedJson(text, origin), { error: fieldExpectation });
  if (!result.success) throw wrong(text, origin, result.error.issues[0]!);
  const refuse = (place: readonly (string | number)[], problem: string) => {
    const [line, path] = [lineOf(text, [...place]), place.join(".")];
    throw new OcellusError("invalid_config", `${origin}:${line}: ${path}: ${problem}`, {
      details: { path: origin, line, field: path },
    });
  };
  for (const [i, rule] of result.data.rules.entries()) {
    const [field, problem] = problemOfRule(rule, result.data) ?? [];
    if (problem !== undefined) refuse(["rules", i, field!], problem);
  }
  for (const [name, config] of Object.entries(result.data.guards))
    if ("readImages" in config && config.readImages && config.stage?.includes("input") === false)
      refuse(["guards", name, "readImages"], 'images come in only: expected "input" among its stages');
  return { ...result.data, version: createHash("sha256").update(text).digest("hex").slice(0, 12) };
}

function parsedJson(text: string, origin: string): unknown {
  try {
    return parseJson(text, fileLimits);
  } catch (cause) {
    const line = lineOfProblem(text, cause);
    throw new OcellusError("invalid_config", `${origin}:${line}: not JSON: ${(cause as Error).message}`, {
      details: { path: origin, line, expected: "JSON" },
      cause,
    });
  }
}

function wrong(text: string, origin: string, issue: z.core.$ZodIssue): OcellusError {
  const inner = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
  const place = [...issue.path, ...inner];
  const [line, field] = [lineOf(text, place), place.map(String).join(".")];
  return new OcellusError("invalid_config", `${origin}:${line}: ${field || "the policy"}: ${issue.message}`, {
    details: { path: origin, line, field },
  });
}

/** A field of a rule that would never have an effect, and why. */
function problemOfRule(
  { guard, action, replacement, pseudonym, jsonNumber }: Rule,
  { guards }: z.infer<typeof policySchema>,
): [field: keyof Rule, problem: string] | undefined {
  const there = Object.keys(guards).join(", ") || "none";
  if (guard !== undefined && !(guard in guards)) return ["guard", `there is no guard ${guard}; found: ${there}`];
  if (pseudonym && action !== "redact") return ["pseudonym", `expected the action "redact", found "${action}"`];
  if (jsonNumber !== undefined && action !== "redact")
    return ["jsonNumber", `expected the action "redact", found "${action}"`];
  if (pseudonym && replacement !== undefined)
    return ["replacement", "a rule with a pseudonym has no other replacement"];
  return undefined;
}

/** Who asks for what. */
export interface Requester {
  readonly key: string;
  readonly route: string;
}

/** Where no rule matches: half a certainty is enough. */
const standing: Rule = { threshold: 0.5, action: "block" };

/** Rules that may concern one guard for one asker, in their order. */
export function rulesFor({ rules }: Policy, requester: Requester, guard: string, stage: Stage): Rule[] {
  return [standing, ...rules.filter((rule) => ruleConcerns(rule, requester, guard, stage))];
}

export function ruleConcerns(rule: Rule, requester: Requester, guard: string, stage: Stage): boolean {
  return (
    (rule.guard ?? guard) === guard &&
    (rule.stage ?? stage) === stage &&
    (rule.key ?? requester.key) === requester.key &&
    matchesRoute(rule.route, requester.route)
  );
}

function matchesRoute(pattern: string | undefined, route: string): boolean {
  if (pattern === undefined) return true;
  return pattern.endsWith("*") ? route.startsWith(pattern.slice(0, -1)) : route === pattern;
}

/** Those that may concern a category, in their order. */
export function rulesForCategory(rules: readonly Rule[], category: string): Rule[] {
  return rules.filter((rule) => isOf(category, rule.category));
}

/** The last rule of a finding's category that its score reaches decides; none: it passes. */
export function judged(finding: Finding, rules: readonly Rule[]): Judged {
  const rule = rules.findLast(({ threshold }) => finding.score >= threshold);
  const { action = "allow", replacement, pseudonym, jsonNumber } = rule ?? {};
  return {
    ...{ ...finding, action },
    ...(replacement !== undefined && { replacement }),
    ...(pseudonym && { pseudonym }),
    ...(jsonNumber && { jsonNumber }),
  };
}

function isOf(category: string, wanted: string | undefined): boolean {
  return wanted === undefined || category === wanted || category.startsWith(`${wanted}/`);
}
