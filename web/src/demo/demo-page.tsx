/** The page: a picture with where the model looked, a question and its answer, examples below. */
import { type FormEvent, useState } from "react";
import { examples } from "../examples.js";
import { usePreferences } from "../preferences.js";
import { usePageFiles } from "../use-pictures.js";
import { AnswerPart, ModelLine } from "./answer-part.js";
import { DemoTop } from "./demo-top.js";
import { PicturePlace } from "./picture-place.js";
import { type Shown, useModel, useQuestion } from "./use-demo.js";
import { useOffline } from "./use-offline.js";
import { useDemoWords } from "./words.js";

export function DemoPage() {
  const words = useDemoWords();
  const { language } = usePreferences();
  const model = useModel();
  const { answer, ask, clear, stop } = useQuestion();
  const [picture, setPicture] = useState<Shown>();
  const [question, setQuestion] = useState("");
  const [refused, setRefused] = useState<string>();
  const isOffline = useOffline(model.state === "ready");
  const show = async (blob: Blob, name: string) => {
    const url = URL.createObjectURL(blob);
    const isPicture = await canShow(url);
    setRefused(isPicture ? undefined : name);
    if (!isPicture) return undefined;
    clear();
    const shown = { blob, name, url };
    setPicture(shown);
    return shown;
  };
  const isOver = usePageFiles((files) => {
    const [file] = files;
    if (file) void show(file, file.name);
  });
  const showExample = async (url: string, name: string, asked: string) => {
    const shown = await show(await (await fetch(url)).blob(), name);
    setQuestion(asked);
    if (shown && model.state === "ready") await ask(model.model, shown, asked);
  };
  const isWriting = answer !== undefined && !answer.isWhole;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (model.state === "ready" && picture && question.trim() !== "") void ask(model.model, picture, question.trim());
  };
  return (
    <div className="demo">
      <DemoTop />
      <main>
        <h1>{words.title}</h1>
        <p className="lead">{words.lead}</p>
        <div className="desk">
          <PicturePlace
            picture={picture}
            answer={answer}
            isOver={isOver}
            onFile={(file) => void show(file, file.name)}
          />
          <section className="talk">
            <form onSubmit={onSubmit}>
              <label htmlFor="question">{words.ask}</label>
              <div className="ask">
                <input
                  id="question"
                  value={question}
                  placeholder={words.askPlaceholder}
                  onChange={(event) => setQuestion(event.target.value)}
                />
                {isWriting ? (
                  <button type="button" className="firm" onClick={stop}>
                    {words.stop}
                  </button>
                ) : (
                  <button
                    type="submit"
                    className="firm"
                    disabled={model.state !== "ready" || !picture || question.trim() === ""}
                  >
                    {words.send}
                  </button>
                )}
              </div>
            </form>
            {refused !== undefined && (
              <p className="wrong" role="alert">
                {words.unreadable(refused)}
              </p>
            )}
            <ModelLine model={model} />
            {answer && <AnswerPart answer={answer} model={model} />}
          </section>
        </div>
        <section aria-labelledby="examples">
          <h2 id="examples">{words.examples}</h2>
          <ul className="thumbs">
            {examples(language)
              .filter(({ pictures }) => pictures.length === 1)
              .map(({ pictures: [first], title, question: asked, ratio }) => (
                <li key={first!.name} style={{ "--ratio": ratio }}>
                  <button type="button" onClick={() => void showExample(first!.url, title, asked)}>
                    <img src={first!.url} alt={title} loading="lazy" />
                    <span>{asked}</span>
                  </button>
                </li>
              ))}
          </ul>
        </section>
        <footer className="aside">
          <p>{words.knows}</p>
          {isOffline && <p role="status">{words.offline}</p>}
        </footer>
      </main>
    </div>
  );
}

async function canShow(url: string): Promise<boolean> {
  const image = new Image();
  image.src = url;
  return image.decode().then(
    () => true,
    () => false,
  );
}
