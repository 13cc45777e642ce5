/** GET /v1/models and /v1/models/NAME: what can be asked here; /v1/ocellus/models/NAME/description: what is inside. */

import { modelDescriptionSchema, modelListSchema, modelSchema } from "../../protocol/index.js";
import { describeModel } from "../description.js";
import type { App } from "../request-context.js";
import { addRoute } from "../route.js";
import type { Services } from "../services.js";

export function addModels(app: App, { models }: Services): void {
  addRoute(
    app,
    { method: "get", path: "/v1/models", summary: "The models of this server.", answer: modelListSchema },
    (c) => c.json({ object: "list", data: models.list() }),
  );
  // A name may hold a slash (owner/name).
  addRoute(app, { method: "get", path: "/v1/models/:id{.+}", summary: "One of them.", answer: modelSchema }, (c) =>
    c.json(models.describe(c.req.param("id"))),
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
}
