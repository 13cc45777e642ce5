/** Where the model looked: the answer token by token, each lighting its map over the picture; of all layers, or of one. */
import { useEffect, useState } from "react";
import type { WireAttention } from "../../../src/protocol/index.js";
import { attentionOf, mapOf, shareOf } from "../attention.js";
import type { Answer, Picture, Problem, Turn } from "../conversation.js";
import { picturesOf } from "../places.js";
import { problemOf } from "../problems.js";
import { useSight, useSightState } from "../sight.js";
import { useSightWords } from "../words-sight.js";
import { InlinePicture } from "./inline-picture.js";
import { ProblemView } from "./problem-view.js";
import { visible } from "./token-view.js";

interface LookViewProps {
  readonly answer: Answer;
  readonly turns: readonly Turn[];
}

type Asked = { readonly attention?: WireAttention; readonly problem?: Problem };

export function LookView({ answer, turns }: LookViewProps) {
  const own = useSightWords();
  const [layer, setLayer] = useState<number>();
  const { attention, problem } = useAttention(answer, turns, layer);
  if (problem) return <ProblemView problem={problem} />;
  if (!attention) return <p className="looking">{own.lookingAgain}</p>;
  return <Looks {...{ answer, turns, attention, layer }} onLayer={setLayer} />;
}

function useAttention(answer: Answer, turns: readonly Turn[], layer: number | undefined): Asked {
  const [asked, set] = useState<Asked>({});
  useEffect(() => {
    let isOver = false;
    attentionOf(answer, turns, layer).then(
      (attention) => isOver || set({ attention }),
      (error: unknown) => isOver || set({ problem: problemOf(error) }),
    );
    return () => {
      isOver = true;
    };
  }, [answer, turns, layer]);
  return asked;
}

interface LooksProps extends LookViewProps {
  readonly attention: WireAttention;
  readonly layer: number | undefined;
  readonly onLayer: (layer: number | undefined) => void;
}

function Looks({ answer, turns, attention, layer, onLayer }: LooksProps) {
  const own = useSightWords();
  const sight = useSight();
  const pictures = picturesOf(turns);
  const chosenId = useSightState(({ pictureId }) => pictureId);
  const image = imageOf(pictures, chosenId, attention);
  const picture = pictures[image];
  const [chosen, choose] = useState<number>();
  const [pointed, point] = useState<number>();
  const token = pointed ?? chosen;
  useEffect(() => {
    sight?.change({ pictureId: picture?.id, heat: mapOf(attention, image, token), heatOf: answer.id });
  }, [sight, picture?.id, attention, image, token, answer.id]);
  useEffect(
    () => () => {
      if (sight?.state().heatOf === answer.id) sight.change({ heat: undefined, heatOf: undefined });
    },
    [sight, answer.id],
  );
  return (
    <div className="looks">
      <p className="tokens" onPointerLeave={() => point(undefined)}>
        {attention.tokens.map(({ text }, i) => (
          <button
            key={i}
            type="button"
            style={{ "--doubt": 0 }}
            aria-pressed={i === chosen}
            onPointerEnter={() => point(i)}
            onClick={() => choose(i === chosen ? undefined : i)}
          >
            {visible(text)}
          </button>
        ))}
      </p>
      {picture && <InlinePicture picture={picture} />}
      <div className="look-row">
        <button type="button" className="action" aria-pressed={token === undefined} onClick={() => choose(undefined)}>
          {own.wholeAnswer}
        </button>
        <label className="look-layer">
          {own.layer}
          <select
            value={layer ?? ""}
            onChange={({ target }) => onLayer(target.value === "" ? undefined : Number(target.value))}
          >
            <option value="">{own.allLayers}</option>
            {Array.from({ length: attention.num_layers }, (_, i) => (
              <option key={i} value={i}>
                {i + 1}
              </option>
            ))}
          </select>
        </label>
        <span className="heat-scale">
          {own.little}
          <i />
          {own.most}
        </span>
      </div>
      <p className="aside" aria-live="polite">
        {own.lookedShare(`${Math.round(100 * shareOf(attention, image, token))}%`)}
      </p>
    </div>
  );
}

/** The chosen picture if the answer saw it, else the one that it looked at most. */
function imageOf(pictures: readonly Picture[], chosenId: string | undefined, attention: WireAttention): number {
  const chosen = pictures.findLastIndex(({ id }) => id === chosenId);
  if (chosen >= 0) return chosen;
  const shares = pictures.map((_, image) => shareOf(attention, image));
  return Math.max(0, shares.indexOf(Math.max(...shares)));
}
