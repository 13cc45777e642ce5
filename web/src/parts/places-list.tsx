/** The things that an answer names with their places: each lights its box on the picture, and is lit by it. */
import type { Answer, Picture } from "../conversation.js";
import { placesOf } from "../places.js";
import { type Place, useSight, useSightState } from "../sight.js";
import { useSightWords } from "../words-sight.js";
import { useShownPlaces } from "./fields-form.js";
import { InlinePicture } from "./inline-picture.js";

export function PlacesList({ answer, picture }: { answer: Answer; picture: Picture | undefined }) {
  const own = useSightWords();
  const places = placesOf(answer);
  const show = useShownPlaces(answer, picture, places);
  return (
    <>
      <ul className="places-list" aria-label={own.places} onPointerEnter={show} onFocus={show}>
        {places.map((place) => (
          <li key={place.id}>
            <PlaceChip place={place} />
          </li>
        ))}
      </ul>
      {picture && <InlinePicture picture={picture} />}
    </>
  );
}

function PlaceChip({ place: { id, label } }: { place: Place }) {
  const sight = useSight();
  const isLit = useSightState(({ litId }) => litId === id);
  const light = (litId: string | undefined) => () => sight?.change({ litId });
  return (
    <button
      type="button"
      data-lit={isLit}
      onPointerEnter={light(id)}
      onPointerLeave={light(undefined)}
      onFocus={light(id)}
      onBlur={light(undefined)}
    >
      {label}
    </button>
  );
}
