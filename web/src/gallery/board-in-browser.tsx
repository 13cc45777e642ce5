/** What is said of models in this browser: in the list, when one is chosen, while it is fetched, in the settings. */
import { BrowserPanel, Progress } from "../in-browser/browser-panel.js";
import { withBrowserModels } from "../in-browser/names.js";
import { StoredModels } from "../in-browser/stored-models.js";
import { ModelOptions } from "../parts/model-options.js";
import { useWords } from "../words.js";
import { models } from "./data.js";

export function InBrowser() {
  return (
    <>
      <select aria-label={useWords().model}>
        <ModelOptions models={withBrowserModels(models)} />
      </select>
      <BrowserPanel model={withBrowserModels(models)[1]!} />
      <Progress state={{ is: "opening", progress: { doneBytes: 3e8, totalBytes: 9e8, isWaiting: false } }} />
      <StoredModels />
    </>
  );
}
