/** POST /v1/moderations: texts and pictures through the guards of the caller, in OpenAI's shape; no model is asked. */
import { randomUUID } from "node:crypto";
import { type Moderated, openAiCategories } from "../../guardrails/index.js";
import {
  type Moderation,
  type ModerationFinding,
  type ModerationPart,
  type ModerationRequest,
  type ModerationResult,
  moderationRequestSchema,
  moderationSchema,
  wireGuardReports,
} from "../../protocol/index.js";
import { imageResolver, type ResolveImage } from "../images.js";
import type { App, RequestContext } from "../request-context.js";
import { addJsonRoute } from "../route.js";
import type { Services } from "../services.js";

export function addModerations(app: App, services: Services): void {
  addJsonRoute(
    app,
    {
      path: "/v1/moderations",
      summary: "What the guards make of texts and images, and why.",
      request: moderationRequestSchema,
      answer: moderationSchema,
    },
    async (c, request) => {
      const context = c.get("context");
      const resolve = imageResolver(context);
      const results: ModerationResult[] = [];
      for (const parts of groupsOf(request)) results.push(await moderate(parts, services, resolve, context));
      const model = `ocellus-guards-${services.guards.policy.version}`;
      return c.json({ id: `modr-${randomUUID()}`, model, results } satisfies Moderation);
    },
  );
}

/** What has one result together. */
function groupsOf({ input }: ModerationRequest): ModerationPart[][] {
  if (typeof input === "string") return [[{ type: "text", text: input }]];
  const groups = input.map((item): ModerationPart[] =>
    typeof item === "string" ? [{ type: "text", text: item }] : [item],
  );
  return typeof input[0] === "string" ? groups : [groups.flat()];
}

async function moderate(
  parts: readonly ModerationPart[],
  { guards }: Services,
  resolve: ResolveImage,
  { signal }: RequestContext,
): Promise<ModerationResult> {
  const subjects = await Promise.all(
    parts.map(async (part) => {
      if (part.type === "text") return part.text;
      const { image_url } = part;
      return { image: await resolve(typeof image_url === "string" ? image_url : image_url.url) };
    }),
  );
  return resultOf(await guards.moderate(subjects, signal));
}

/** A text may hold as many findings as characters: the first ones say where to look. */
const maxFindings = 1000;

interface CategorySummary {
  isActedOn: boolean;
  score: number;
  readonly subjects: Set<"text" | "image">;
}

function resultOf({ verdict, findings, reports }: Moderated): ModerationResult {
  const categories = new Map<string, CategorySummary>();
  const summaryOf = (category: string) => {
    const summary = categories.get(category) ?? { isActedOn: false, score: 0, subjects: new Set() };
    categories.set(category, summary);
    return summary;
  };
  for (const category of openAiCategories) summaryOf(category);
  for (const { category, action, score, subject } of findings) {
    const summary = summaryOf(category);
    summary.isActedOn ||= action !== "allow";
    summary.score = Math.max(summary.score, score);
    summary.subjects.add(subject);
  }
  const byCategory = <T>(value: (summary: CategorySummary) => T): Record<string, T> =>
    Object.fromEntries([...categories].map(([name, summary]) => [name, value(summary)]));
  const shown = findings.slice(0, maxFindings).map(({ subject, ...finding }): ModerationFinding => finding);
  return {
    flagged: verdict !== "allow",
    categories: byCategory(({ isActedOn }) => isActedOn),
    category_scores: byCategory(({ score }) => score),
    category_applied_input_types: byCategory(({ subjects }) => [...subjects]),
    ocellus: { verdict, num_findings: findings.length, findings: shown, guards: wireGuardReports(reports) },
  };
}
