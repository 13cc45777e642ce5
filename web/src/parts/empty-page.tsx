/** Before the first question: what this is, and pictures whose first click asks one. */
import type { Picture } from "../conversation.js";
import { type Example, examples } from "../examples.js";
import { fetchImage } from "../pictures.js";
import { usePreferences } from "../preferences.js";
import { useModelName } from "../server-state.js";
import { useWords } from "../words.js";

interface EmptyPageProps {
  readonly isReady: boolean;
  readonly onSend: (text: string, pictures: readonly Picture[]) => void;
}

export function EmptyPage({ isReady, onSend }: EmptyPageProps) {
  const words = useWords();
  const { language } = usePreferences();
  const model = useModelName();
  const ask = async ({ pictures, question }: Example) =>
    onSend(question, await Promise.all(pictures.map(({ url, name }) => fetchImage(url, name))));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <div className="turns empty" tabIndex={0}>
      <div className="column">
        <h1>{words.emptyTitle}</h1>
        <p className="lead">{words.emptyLead}</p>
        <ul className="examples">
          {examples(language).map((each) => (
            <li key={each.title} style={{ "--ratio": each.ratio * each.pictures.length }}>
              <button type="button" disabled={!isReady} onClick={() => void ask(each)}>
                <span className="pictures">
                  {each.pictures.map(({ url, name }, i) => (
                    <img key={name} src={url} alt={i === 0 ? each.title : ""} width={200 * each.ratio} height={200} />
                  ))}
                </span>
                <span>{each.question}</span>
              </button>
            </li>
          ))}
        </ul>
        <p className="aside">
          {model === "ocellus-tiny" && `${words.boxHint} `}
          {words.privacy}
        </p>
      </div>
    </div>
  );
}
