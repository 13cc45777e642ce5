/** The picture below an answer, with what is shown on it: where there is no room for the large one, or it is hidden. */
import type { Picture } from "../conversation.js";
import { HeatLayer } from "./heat-layer.js";
import { usePictureUrl } from "./picture-view.js";
import { PlacesLayer } from "./places-layer.js";
import "../style/sight.css";

export function InlinePicture({ picture }: { picture: Picture }) {
  const url = usePictureUrl(picture.id);
  return (
    <div className="inline-sight">
      {url && <img src={url} alt={picture.name} width={picture.width} height={picture.height} />}
      <HeatLayer pictureId={picture.id} />
      <PlacesLayer pictureId={picture.id} />
    </div>
  );
}
