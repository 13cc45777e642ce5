/** GET /v1/models and /v1/models/NAME: what can be asked here; /v1/ocellus/models/NAME/description, …/examination: what is inside. */

import { serveStatic } from "@hono/node-server/serve-static";
import { OcellusError } from "../../core/base/index.js";
import { missingVideoPrograms } from "../../core/image/node/index.js";
import {
  examinationRequestSchema,
  examinationSchema,
  modelDescriptionSchema,
  modelListSchema,
  modelSchema,
  type WireModel,
} from "../../protocol/index.js";
import { checkpointOf, describeModel } from "../description.js";
import type { App, HonoContext } from "../request-context.js";
import { addJsonRoute, addRoute } from "../route.js";
import type { Services } from "../services.js";

export function addModels(app: App, services: Services): void {
  const { models, browserModels } = services;
  const offered = async (model: WireModel): Promise<WireModel> => {
    const inBrowsers = browserModels?.get(model.id);
    const { videos } = model.ocellus;
    const missing = videos ? await missingVideoPrograms() : [];
    const ocellus = {
      ...model.ocellus,
      ...(videos && missing.length > 0 && { videos: { ...videos, missing } }),
      ...(inBrowsers && { browser_bytes: inBrowsers.bytes }),
    };
    return { ...model, ocellus };
  };
  addRoute(
    app,
    { method: "get", path: "/v1/models", summary: "The models of this server.", answer: modelListSchema },
    async (c) => c.json({ object: "list", data: await Promise.all(models.list().map(offered)) }),
  );
  // A name may hold a slash (owner/name).
  addRoute(
    app,
    { method: "get", path: "/v1/models/:id{.+}", summary: "One of them.", answer: modelSchema },
    async (c) => c.json(await offered(models.describe(c.req.param("id")))),
  );
  addRoute(
    app,
    {
      method: "get",
      path: "/v1/ocellus/models/:id{.+}/description",
      summary: "What is inside it: parts, layers, tensors, formats and memory.",
      answer: modelDescriptionSchema,
    },
    async (c) => c.json(await describeModel(await models.any(c.req.param("id"), c.get("context")))),
  );
  addRoute(
    app,
    {
      method: "get",
      path: "/v1/ocellus/models/:id{.+}/browser/:file",
      summary: "A file of the model as pages run it: packed.json, and what it lists. Ranges of bytes are answered.",
      mediaType: "application/octet-stream",
    },
    async (c) => {
      const path = browserFile(browserModels, c.req.param("id"), c.req.param("file"));
      return (await serveStatic({ path })(c, async () => {})) as Response;
    },
  );
  addExaminations(app, services);
}

function addExaminations(app: App, { models, examinations }: Services): void {
  const wanted = async (c: HonoContext, id: string) => {
    const served = await models.any(id, c.get("context"));
    const folder = checkpointOf(served);
    return { id: served.id, folder, key: `${folder} ${served.model.info.digest}` };
  };
  const path = "/v1/ocellus/models/:id{.+}/examination";
  addRoute(
    app,
    { method: "get", path, summary: "Every value of it, where these were read.", answer: examinationSchema },
    async (c) => c.json(examinations.of(await wanted(c, c.req.param("id")))),
  );
  addJsonRoute(
    app,
    {
      path,
      summary: "Begin to read every value of it; ask again how far it is.",
      request: examinationRequestSchema,
      answer: examinationSchema,
    },
    async (c) => c.json(examinations.read(await wanted(c, c.req.param("id")))),
  );
}

function browserFile(browserModels: Services["browserModels"], id: string, file: string): string {
  if (browserModels) return browserModels.pathOf(id, file);
  throw new OcellusError("not_found", "this server offers no models to browsers; start it with --browser-models");
}
