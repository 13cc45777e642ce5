/**
 * /v1/ocellus/guards: the policy in force and one's own recent verdicts; proposals for its lists of what is allowed; the
 * JSON schema that answers satisfy after redactions.
 */

import { ofParam, stringifyJson } from "../../core/base/index.js";
import { type GuardsState, type Redaction, redactedSchema, whoAsks } from "../../guardrails/index.js";
import {
  allowProposalAnswerSchema,
  allowProposalSchema,
  type GuardState,
  guardStateSchema,
  type RedactedSchemaAnswer,
  redactedSchemaAnswerSchema,
  redactedSchemaRequestSchema,
} from "../../protocol/index.js";
import type { App } from "../request-context.js";
import { addJsonRoute, addRoute } from "../route.js";
import type { Services } from "../services.js";

export function addGuards(app: App, services: Services): void {
  const { guards } = services;
  addRoute(
    app,
    {
      method: "get",
      path: "/v1/ocellus/guards",
      summary: "The policy of the guards that is in force, and your recent verdicts.",
      answer: guardStateSchema,
    },
    (c) => c.json(stateFor(guards.state(), c.get("context").caller.owner)),
  );
  addJsonRoute(
    app,
    {
      path: "/v1/ocellus/guards/proposals",
      summary: "Say that something was no hit; a person decides.",
      request: allowProposalSchema,
      answer: allowProposalAnswerSchema,
    },
    async (c, proposal) => {
      await guards.propose({ key: c.get("context").caller.owner, ...proposal });
      return c.json({ object: "ocellus.allow_proposal", written: true });
    },
  );
  addJsonRoute(
    app,
    {
      path: "/v1/ocellus/guards/schema",
      summary: "A JSON schema as answers satisfy it once guards have redacted them.",
      request: redactedSchemaRequestSchema,
      answer: redactedSchemaAnswerSchema,
    },
    async (c, { schema, route }) => {
      const told = changedSchema(schema, await guards.answerRedactions({ ...whoAsks(), route }));
      const answer = { object: "ocellus.redacted_schema", policy: guards.policy.version, schema: told } as const;
      return c.body(stringifyJson(answer satisfies RedactedSchemaAnswer), 200, { "content-type": "application/json" });
    },
  );
}

function changedSchema(schema: unknown, redactions: readonly Redaction[]): Readonly<Record<string, unknown>> {
  try {
    return redactedSchema(schema, redactions) as Record<string, unknown>;
  } catch (error) {
    throw ofParam(error, "schema");
  }
}

/** The reason names files and lines of this machine: it is the operator's to read. */
const unusable = "the changed policy cannot be used, and the one before is in force; the server's log says why";

/** Other keys' names and verdicts are theirs. */
function stateFor({ policy, guards, problem, recent }: GuardsState, owner: string): GuardState {
  return {
    object: "ocellus.guards",
    policy: policy.version,
    on_failure: policy.onFailure,
    ...(problem !== undefined && { problem: unusable }),
    guards: guards.map(({ stages, ...guard }) => ({ ...guard, stages: [...stages] })),
    rules: policy.rules.filter(({ key }) => key === undefined || key === owner).map(({ key: _, ...rule }) => rule),
    recent: recent.filter(({ key }) => key === owner).map(({ key: _, ...verdict }) => verdict),
  };
}
