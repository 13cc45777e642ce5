/** /v1/files: upload, list, read, delete. A file belongs to the key that sent it. What guards refuse is never stored. */
import { z } from "@hono/zod-openapi";
import { OcellusError } from "../../core/base/index.js";
import { sniffVideo } from "../../core/runtime/index.js";
import {
  fileDeletedSchema,
  fileListSchema,
  filePinSchema,
  filePurposeSchema,
  fileSchema,
  parseValue,
  refusal,
  uploadedFileSchema,
  type WireUpload,
  wireGuardReports,
} from "../../protocol/index.js";
import { readForm } from "../body.js";
import type { App, RequestContext } from "../request-context.js";
import { addRoute } from "../route.js";
import type { Services } from "../services.js";

const uploadSchema = z.object({
  file: z.string().meta({ format: "binary" }),
  purpose: filePurposeSchema.optional(),
});

export function addFiles(app: App, services: Services): void {
  const { files, config } = services;
  addRoute(
    app,
    {
      method: "post",
      path: "/v1/files",
      summary: "Upload an image or a video to ask about later, or the requests of a batch.",
      form: uploadSchema,
      answer: uploadedFileSchema,
    },
    async (c) => {
      const form = await readForm(c);
      const file = form.get("file");
      if (!(file instanceof File)) throw new OcellusError("invalid_request", "file: expected a file part of a form");
      const purpose = parseValue(filePurposeSchema, form.get("purpose") ?? "user_data", "purpose");
      const isBatch = purpose === "batch";
      const bytes = new Uint8Array(await file.arrayBuffer());
      const isVideo = !isBatch && sniffVideo(bytes) !== undefined;
      const [what, most] = isVideo ? ["a video", config.maxVideoBytes] : ["an image", config.maxImageBytes];
      if (!isBatch && file.size > most)
        throw new OcellusError("too_large", `file: ${file.size} bytes, ${what} may have ${most}`);
      const context = c.get("context");
      const { caller, signal, guardReports } = context;
      const isPinned = parseValue(filePinSchema, form.get("pin") ?? "false", "pin") === "true";
      if (isBatch && isPinned) throw refusal("pin", "pin: expected an image, found requests of a batch");
      const unpin = isPinned ? await pin(services, form.get("model"), bytes, context) : undefined;
      try {
        // Each request of a batch is checked when it is asked, and so are frames, which a model's rule chooses.
        if (!isPinned && !isBatch && !isVideo) await services.guards.admit(bytes, signal);
        const name = await services.guards.admitText(file.name.slice(0, 256), signal);
        const { ocellus, ...wire } = files.add(caller.owner, name, purpose, bytes, unpin);
        return c.json({
          ...wire,
          ocellus: { ...ocellus, guards: wireGuardReports(guardReports) },
        } satisfies WireUpload);
      } catch (error) {
        unpin?.();
        throw error;
      }
    },
  );
  addRoute(app, { method: "get", path: "/v1/files", summary: "Your files.", answer: fileListSchema }, (c) =>
    c.json({ object: "list", data: files.list(c.get("context").caller.owner), has_more: false }),
  );
  addRoute(app, { method: "get", path: "/v1/files/:id", summary: "One of them.", answer: fileSchema }, (c) =>
    c.json(files.get(c.get("context").caller.owner, c.req.param("id")).wire),
  );
  addRoute(app, { method: "get", path: "/v1/files/:id/content", summary: "Its bytes.", mediaType: "image/*" }, (c) => {
    const { bytes, mediaType } = files.get(c.get("context").caller.owner, c.req.param("id"));
    return c.body(bytes as Uint8Array<ArrayBuffer>, 200, { "content-type": mediaType });
  });
  addRoute(app, { method: "delete", path: "/v1/files/:id", summary: "Forget it.", answer: fileDeletedSchema }, (c) => {
    files.remove(c.get("context").caller.owner, c.req.param("id"));
    return c.json({ id: c.req.param("id"), object: "file", deleted: true });
  });
}

/** Encodes the picture for the named model, or the first, and keeps that. */
async function pin(
  { models }: Services,
  name: unknown,
  bytes: Uint8Array,
  context: RequestContext,
): Promise<() => void> {
  const { model, id } = await models.chat(typeof name === "string" ? name : undefined, context);
  if (model.pin) return model.pin(bytes, { signal: context.signal });
  throw new OcellusError("unsupported", `pin: the model ${id} keeps no images`);
}
