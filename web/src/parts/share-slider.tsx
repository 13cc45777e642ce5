import { percentText } from "../quantities.js";
import { useVersionsWords } from "../words-versions.js";

interface ShareSliderProps {
  /** In percent. */
  readonly value: number;
  /** What is shown beside the name; else the value. */
  readonly text?: string;
  readonly onChange: (value: number) => void;
}

/** Where a trial usually stands. */
const marks = [5, 25, 50, 100];

/** A share from 1 to 100 percent; the usual ones can be pressed. */
export function ShareSlider({ value, text = percentText(value / 100), onChange }: ShareSliderProps) {
  const words = useVersionsWords();
  return (
    <div className="share-slider">
      <label className="field">
        <span>
          {words.share} <output>{text}</output>
        </span>
        <input
          type="range"
          min={1}
          max={100}
          value={value}
          onChange={(event) => onChange(Number(event.target.value))}
        />
      </label>
      <span className="marks">
        {marks.map((mark) => (
          <button
            key={mark}
            type="button"
            style={{ "--share": (mark - 1) / 99 }}
            aria-pressed={mark === value}
            onClick={() => onChange(mark)}
          >
            {mark}%
          </button>
        ))}
      </span>
    </div>
  );
}
