/** Boxes and points that an answer names, drawn and labelled on the picture; they and their words light each other. */
import { type Place, useSight, useSightState } from "../sight.js";
import { placed } from "./placed.js";

export function PlacesLayer({ pictureId }: { pictureId: string }) {
  const places = useSightState((state) => (state.pictureId === pictureId ? state.places : undefined));
  return places?.map((place) => <PlaceMark key={place.id} place={place} />);
}

function PlaceMark({ place: { id, label, box, isPoint, isDoubtful } }: { place: Place }) {
  const sight = useSight();
  const isLit = useSightState(({ litId }) => litId === id);
  const light = (litId: string | undefined) => () => sight?.change({ litId });
  return (
    <button
      type="button"
      className="place panzoom-exclude"
      data-lit={isLit}
      data-point={isPoint}
      data-doubtful={isDoubtful ?? false}
      style={placed(box)}
      onPointerEnter={light(id)}
      onPointerLeave={light(undefined)}
      onFocus={light(id)}
      onBlur={light(undefined)}
    >
      <span>{label}</span>
    </button>
  );
}
