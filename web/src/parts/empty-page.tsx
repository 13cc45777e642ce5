/** Before the first question: what this is, and pictures whose first click asks one. */
import type { Picture } from "../conversation.js";
import { type Example, examples, sharpExamples } from "../examples.js";
import { isInBrowser, serverNameOf } from "../in-browser/names.js";
import { fetchImage } from "../pictures.js";
import { usePreferences } from "../preferences.js";
import { useModelName } from "../server-state.js";
import { useWords } from "../words.js";
import { CopyButton } from "./copy-button.js";

const realModel = "ocellus pull Qwen/Qwen3-VL-2B-Instruct && ocellus serve --model Qwen/Qwen3-VL-2B-Instruct";

interface EmptyPageProps {
  readonly isReady: boolean;
  readonly onSend: (text: string, pictures: readonly Picture[]) => void;
}

export function EmptyPage({ isReady, onSend }: EmptyPageProps) {
  const words = useWords();
  const { language } = usePreferences();
  const model = useModelName();
  const isDemo = serverNameOf(model).startsWith("ocellus-tiny");
  const sharp = sharpExamples(language);
  const others = examples(language).filter(({ title }) => sharp.every((each) => each.title !== title));
  const ask = async ({ pictures, question }: Example) =>
    onSend(question, await Promise.all(pictures.map(({ url, name }) => fetchImage(url, name))));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <div className="turns empty" tabIndex={0}>
      <div className="column">
        <h1>{words.emptyTitle}</h1>
        <p className="lead">{words.emptyLead}</p>
        <ExampleList examples={sharp} isSharp isReady={isReady} onAsk={ask} />
        {isDemo && (
          <div className="demo-note">
            <p>{words.demoKnows}</p>
            <p>{words.realModel}</p>
            <div className="row">
              <code>{realModel}</code>
              <CopyButton text={realModel} />
            </div>
          </div>
        )}
        <details className="more-examples">
          <summary>{words.moreExamples}</summary>
          <ExampleList examples={others} isReady={isReady} onAsk={ask} />
        </details>
        <p className="aside">{isInBrowser(model) ? words.privacyHere : words.privacy}</p>
      </div>
    </div>
  );
}

interface ExampleListProps {
  readonly examples: readonly Example[];
  readonly isSharp?: boolean;
  readonly isReady: boolean;
  readonly onAsk: (example: Example) => Promise<void>;
}

function ExampleList({ examples: shown, isSharp = false, isReady, onAsk }: ExampleListProps) {
  return (
    <ul className={isSharp ? "examples sharp" : "examples"}>
      {shown.map((each) => (
        <li key={each.title} style={{ "--ratio": each.ratio * each.pictures.length }}>
          <button type="button" disabled={!isReady} onClick={() => void onAsk(each)}>
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
  );
}
