/** A JSON answer as a form: each value with how sure the model is of it, doubtful ones marked, its place lit on the picture. */
import { useEffect } from "react";
import type { Answer, Picture } from "../conversation.js";
import { leavesOf, nameOfField, placesOf, sureFrom } from "../places.js";
import { type Place, useSight, useSightState } from "../sight.js";
import { useSightWords } from "../words-sight.js";
import { InlinePicture } from "./inline-picture.js";

type Confidence = NonNullable<NonNullable<Answer["stats"]>["fields"]>[string];

interface FieldsFormProps {
  readonly answer: Answer;
  readonly picture: Picture | undefined;
}

export function FieldsForm({ answer, picture }: FieldsFormProps) {
  const own = useSightWords();
  const places = placesOf(answer);
  const show = useShownPlaces(answer, picture, places);
  const leaves = leavesOf(answer.text) ?? [];
  const fields = answer.stats?.fields ?? {};
  const numDoubtful = leaves.filter(({ pointer }) => (fields[pointer]?.probability ?? 1) < sureFrom).length;
  return (
    <div className="fields-form" onPointerEnter={show}>
      <p className="aside">{own.doubtful(numDoubtful, leaves.length)}</p>
      <dl>
        {leaves.map(({ pointer, value }) => (
          <FieldRow
            key={pointer}
            name={nameOfField(pointer) || own.value}
            value={value}
            confidence={fields[pointer]}
            place={places.find(({ id }) => id === `${answer.id} ${pointer}`)}
          />
        ))}
      </dl>
      {picture && places.length > 0 && <InlinePicture picture={picture} />}
    </div>
  );
}

interface FieldRowProps {
  readonly name: string;
  readonly value: unknown;
  readonly confidence: Confidence | undefined;
  readonly place: Place | undefined;
}

function FieldRow({ name, value, confidence, place }: FieldRowProps) {
  const own = useSightWords();
  const sight = useSight();
  const isLit = useSightState(({ litId }) => place !== undefined && litId === place.id);
  const light = (litId: string | undefined) => () => place && sight?.change({ litId });
  const isDoubtful = confidence !== undefined && confidence.probability < sureFrom;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: what it does can be seen beside it, too
    <div
      className="field-row"
      data-lit={isLit}
      data-doubtful={isDoubtful}
      tabIndex={place ? 0 : undefined}
      onPointerEnter={light(place?.id)}
      onPointerLeave={light(undefined)}
      onFocus={light(place?.id)}
      onBlur={light(undefined)}
    >
      <dt>{name}</dt>
      <dd>
        <span className="field-value">{value === null ? "–" : String(value)}</span>
        {confidence && <Sureness confidence={confidence} isDoubtful={isDoubtful} />}
        {isDoubtful && confidence.alternatives?.[0] && (
          <span className="field-other">
            {own.orElse(
              String(confidence.alternatives[0].value ?? `${confidence.alternatives[0].starts_with}…`),
              share(confidence.alternatives[0].probability),
            )}
          </span>
        )}
      </dd>
    </div>
  );
}

function Sureness({ confidence, isDoubtful }: { confidence: Confidence; isDoubtful: boolean }) {
  const own = useSightWords();
  const { probability } = confidence;
  return (
    <span className="sureness" style={{ "--share": probability }}>
      <span className="bar" aria-hidden="true" />
      <span>{share(probability)}</span>
      {isDoubtful && <strong>{own.check}</strong>}
    </span>
  );
}

function share(probability: number): string {
  return `${Math.round(probability * 100)}%`;
}

/** Draws them on the picture when the answer comes; those of an earlier one come back when it is pointed at. */
export function useShownPlaces(answer: Answer, picture: Picture | undefined, places: readonly Place[]): () => void {
  const sight = useSight();
  const show = () => {
    if (!picture || places.length === 0 || sight?.state().placesOf === answer.id) return;
    sight?.change({ pictureId: picture.id, places, placesOf: answer.id });
  };
  useEffect(show, [answer.id, picture?.id, places.length]);
  return show;
}
