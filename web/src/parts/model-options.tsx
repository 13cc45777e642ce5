/** The models that can be asked, in a list to choose from; what this browser cannot run is said there. */
import type { WireModel } from "../../../src/protocol/index.js";
import { isInBrowser, obstacleHere, serverNameOf } from "../in-browser/names.js";
import { bytesText } from "../quantities.js";
import { useWords } from "../words.js";

export function ModelOptions({ models }: { models: readonly WireModel[] }) {
  const words = useWords();
  return models.map(({ id, ocellus }) => {
    if (!isInBrowser(id)) return <option key={id}>{id}</option>;
    const obstacle = obstacleHere();
    const about = obstacle ? words.obstacles[obstacle] : bytesText(ocellus.browser_bytes ?? 0);
    return (
      <option key={id} value={id} disabled={obstacle !== undefined}>
        {words.inBrowser(serverNameOf(id))}, {about}
      </option>
    );
  });
}
