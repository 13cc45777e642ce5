/** Pictures for a panel: some of the examples, or one's own. */
import { pictureNamed } from "../examples.js";
import { fetchImage } from "../pictures.js";
import type { PictureDraft } from "../use-pictures.js";
import { useWords } from "../words.js";
import { PickPictures } from "./pick-pictures.js";
import { PictureView } from "./picture-view.js";
import { ReadingNote } from "./reading-note.js";

interface ExamplesRowProps {
  readonly draft: PictureDraft;
  /** Names of example pictures that suit the panel. */
  readonly names?: readonly string[];
  readonly label?: string;
}

export function ExamplesRow({ draft, names = [], label }: ExamplesRowProps) {
  const words = useWords();
  const show = async () => draft.set(await Promise.all(names.map((name) => fetchImage(pictureNamed(name).url, name))));
  return (
    <div className="examples-row">
      {draft.pictures.map((picture) => (
        <PictureView key={picture.id} picture={picture} onRemove={() => draft.remove(picture.id)} />
      ))}
      <div className="row">
        <PickPictures onFiles={draft.add} label={label ?? words.ownPicture} />
        {names.length > 0 && (
          <button type="button" className="soft" onClick={() => void show()}>
            {words.useExample}
          </button>
        )}
      </div>
      <ReadingNote draft={draft} />
      {draft.refused.map((name) => (
        <p key={name} className="wrong" role="alert">
          {words.unreadable(name)}
        </p>
      ))}
    </div>
  );
}
