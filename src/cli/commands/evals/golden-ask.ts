/** Who answers a golden set: a checkpoint or packed model, a version of a registry, or a running server. */
import { z } from "zod";
import { OcellusError, throwIfAborted, trimEndOf } from "../../../core/base/index.js";
import { baseName, pathExists } from "../../../core/fs/index.js";
import { decodeAndDigest, defaultMaxBytes, isUrl } from "../../../core/image/node/index.js";
import { isRemote, openRemote, type RemoteModel } from "../../../engines/index.js";
import { answerGreedily, type EvalCase, type GoldenVersion, goldenTokens, messagesOf } from "../../../evals/index.js";
import type { GuardedModel } from "../../../guardrails/index.js";
import { versionOf } from "../../../rollout/index.js";
import type { ModelFlags } from "../../options.js";
import { bundledModel } from "../../package-files.js";
import type { Terminal } from "../../ui/terminal.js";
import { dataUrl } from "../ask/batch-input.js";
import { withGuards, withModel } from "../models/open-model.js";
import { defaultRegistry, type RegistryFlags, withRegistry } from "../rollout/registry.js";

export interface GoldenAskFlags extends ModelFlags, RegistryFlags {
  readonly url?: string;
  /** Questions in work at once. */
  readonly parallel: number;
}

export interface Asked {
  readonly text: string;
  readonly version?: string;
  readonly failure?: string;
}

export interface AnswerSource {
  readonly version: GoldenVersion;
  /** Greedily. @throws what says nothing about the model: a lost server, an unreadable picture, `aborted`. */
  ask(question: EvalCase, signal: AbortSignal): Promise<Asked>;
}

export async function withAnswerSource<T>(
  flags: GoldenAskFlags,
  terminal: Terminal,
  body: (answerSource: AnswerSource) => Promise<T>,
): Promise<T> {
  if (flags.url !== undefined)
    return body(remoteAnswers(flags.url, flags.model === bundledModel ? undefined : flags.model));
  const { folder, version } = await findModel(flags);
  if (version.digest !== undefined && (await isRemote(folder)))
    return withGuards(flags, (guards) =>
      withRemote(folder, terminal, (model) => body(localAnswers(guards.answering(model), version))),
    );
  const extra = { maxSequences: flags.parallel };
  return withModel({ ...flags, model: folder }, terminal, (model) => body(localAnswers(model, version)), extra);
}

async function withRemote<T>(
  folder: string,
  { signal }: Terminal,
  body: (model: RemoteModel) => Promise<T>,
): Promise<T> {
  const model = await openRemote(folder, { decode: decodeAndDigest, limits: {} }, signal);
  try {
    return await body(model);
  } finally {
    await model.close();
  }
}

/** A folder, a version or an alias of the registry, or the name of a pulled checkpoint: what is there first. */
async function findModel(flags: GoldenAskFlags): Promise<{ folder: string; version: GoldenVersion }> {
  const { model } = flags;
  const other = { folder: model, version: { name: baseName(model) } };
  const isNamed = Boolean(flags.registry || flags.databaseUrl);
  if ((await pathExists(model)) || !(isNamed || (await pathExists(defaultRegistry())))) return other;
  return withRegistry(flags, async (registry) => {
    const { aliases, versions } = registry.state;
    const tag = aliases.get(model)?.tag ?? model;
    if (!versions.has(tag)) return other;
    const { digest } = versionOf(registry.state, tag);
    return { folder: await registry.folderOf(tag), version: { name: tag, digest } };
  });
}

function localAnswers(model: GuardedModel, { name, digest = model.info.digest }: GoldenVersion): AnswerSource {
  const { weights } = model.info;
  return {
    version: { name, digest, ...(weights !== undefined && { weights }) },
    ask: async (question, signal) => {
      try {
        const options = { maxTokens: goldenTokens, signal };
        const { text, finishReason } = await answerGreedily(model, messagesOf(question), options);
        return finishReason === "content_filter" ? { text, failure: "a guard has ended the answer" } : { text };
      } catch (error) {
        throwIfAborted(signal);
        if (error instanceof OcellusError && error.code === "blocked") return { text: "", failure: error.message };
        throw named(error, question);
      }
    },
  };
}

/** The same error, with the place of the question. */
function named(error: unknown, { origin }: EvalCase): unknown {
  if (!(error instanceof OcellusError)) return error;
  return new OcellusError(error.code, `${origin}: ${error.message}`, { details: error.details, cause: error });
}

/** What an answer over HTTP may take; the server's own deadline is shorter. */
const deadlineMs = 10 * 60_000;

const completionSchema = z.object({
  choices: z
    .array(z.object({ message: z.object({ content: z.string().nullish() }), finish_reason: z.string().nullish() }))
    .min(1),
});
const refusalSchema = z.object({ error: z.object({ message: z.string(), code: z.string().nullish() }) });

function remoteAnswers(address: string, model: string | undefined): AnswerSource {
  const url = trimEndOf(address, "/").replace(/\/v1$/, "");
  return {
    version: { name: model ?? "the default model", url },
    ask: async (question, signal) => {
      const response = await post(`${url}/v1/chat/completions`, await requestOf(question, model), signal);
      const said: unknown = await response.json().catch(() => undefined);
      const version = response.headers.get("x-ocellus-version");
      const completion = completionSchema.safeParse(said);
      if (response.ok && completion.success) {
        const { message, finish_reason } = completion.data.choices[0]!;
        const failure = finish_reason === "content_filter" && { failure: "a guard has ended the answer" };
        return { text: message.content ?? "", ...(version !== null && { version }), ...failure };
      }
      const refusal = refusalSchema.safeParse(said).data?.error;
      if (refusal?.code === "content_filter") return { text: "", failure: refusal.message };
      throw new OcellusError(
        "unavailable",
        `${question.origin}: ${url} answered ${response.status}: ${refusal?.message ?? "no answer of an OpenAI-compatible server"}`,
      );
    },
  };
}

async function post(url: string, body: object, signal: AbortSignal): Promise<Response> {
  const key = process.env.OCELLUS_API_KEY;
  const headers = { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) };
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
    return await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal: within });
  } catch (cause) {
    throwIfAborted(signal);
    const why = ((cause as Error).cause as Error | undefined)?.message ?? (cause as Error).message;
    throw new OcellusError("unavailable", `${url} does not answer: ${why}`, { cause });
  }
}

async function requestOf({ image, question, origin }: EvalCase, model: string | undefined): Promise<object> {
  const picture = isUrl(image)
    ? image
    : await dataUrl(image, defaultMaxBytes).catch((error: unknown) =>
        Promise.reject(named(error, { origin } as EvalCase)),
      );
  const content = [
    { type: "image_url", image_url: { url: picture } },
    { type: "text", text: question },
  ];
  return {
    ...(model !== undefined && { model }),
    messages: [{ role: "user", content }],
    temperature: 0,
    max_tokens: goldenTokens,
  };
}
