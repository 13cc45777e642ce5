/** POST /v1/moderations: texts and pictures through the guards of whoever asks, in OpenAI's shape; no model is asked. */
import { randomUUID } from "node:crypto";
import { type Moderated, openAiCategories } from "../../guard/index.js";
import {
  type Moderation,
  type ModerationFinding,
  type ModerationPart,
  type ModerationRequest,
  type ModerationResult,
  moderationRequestSchema,
  wireGuardReports,
} from "../../protocol/index.js";
import { readRequest } from "../body.js";
import type { App, Exchange } from "../exchange.js";
import { pictureResolver, type ResolvePicture } from "../pictures.js";
import type { Services } from "../services.js";

export function addModerations(app: App, services: Services): void {
  app.post("/v1/moderations", async (c) => {
    const request = await readRequest(c, services, moderationRequestSchema);
    const exchange = c.get("exchange");
    const resolve = pictureResolver(services, exchange);
    const results: ModerationResult[] = [];
    for (const parts of groupsOf(request)) results.push(await moderate(parts, services, resolve, exchange));
    const model = `ocellus-guards-${services.guards.policy.version}`;
    return c.json({ id: `modr-${randomUUID()}`, model, results } satisfies Moderation);
  });
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
  resolve: ResolvePicture,
  { signal }: Exchange,
): Promise<ModerationResult> {
  const subjects = await Promise.all(
    parts.map(async (part) => {
      if (part.type === "text") return part.text;
      const { image_url } = part;
      return { picture: await resolve(typeof image_url === "string" ? image_url : image_url.url) };
    }),
  );
  return resultOf(await guards.moderate(subjects, signal));
}

function resultOf({ verdict, findings, reports }: Moderated): ModerationResult {
  const found = findings.map(({ subject, ...finding }): ModerationFinding => finding);
  const names = new Set([...openAiCategories, ...findings.map(({ category }) => category)]);
  const byCategory = <T>(from: (found: Moderated["findings"]) => T): Record<string, T> =>
    Object.fromEntries([...names].map((name) => [name, from(findings.filter(({ category }) => category === name))]));
  return {
    flagged: verdict !== "allow",
    categories: byCategory((own) => own.some(({ action }) => action !== "allow")),
    category_scores: byCategory((own) => Math.max(0, ...own.map(({ score }) => score))),
    category_applied_input_types: byCategory((own) => [...new Set(own.map(({ subject }) => subject))]),
    ocellus: { verdict, findings: found, guards: wireGuardReports(reports) },
  };
}
