/** GET /v1/models and /v1/models/NAME: what can be asked here; /v1/ocellus/models/NAME/description: what is inside. */
import { describeModel } from "../description.js";
import type { App } from "../request-context.js";
import type { Services } from "../services.js";

export function addModels(app: App, { models }: Services): void {
  app.get("/v1/models", (c) => c.json({ object: "list", data: models.list() }));
  // A name may hold a slash (owner/name).
  app.get("/v1/models/:id{.+}", (c) => c.json(models.describe(c.req.param("id"))));
  app.get("/v1/ocellus/models/:id{.+}/description", async (c) =>
    c.json(await describeModel(await models.any(c.req.param("id"), c.get("exchange")))),
  );
}
