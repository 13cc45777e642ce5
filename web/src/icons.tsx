/** The few signs of the page, drawn on a grid of 20. They are decoration: the button around one has the words. */
const paths = {
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  fit: "M4 8V4h4M16 8V4h-4M4 12v4h4M16 12v4h-4",
  full: "M11 9l5-5M16 8V4h-4M9 11l-5 5M4 12v4h4",
  picture: "M3.5 4.5h13v11h-13zM3.5 13l3.5-3.5 3 3 2.5-2.5 4 4M12.5 7.8h.01",
  text: "M4 6.5V4.5h12v2M10 4.5v11M7.5 15.5h5",
  send: "M10 16V4.5M5 9.5l5-5 5 5",
  stop: "M6 6h8v8H6z",
  settings: "M3 6.5h7M14 6.5h3M3 13.5h3M10 13.5h7M12 4.5v4M8 11.5v4",
  close: "M5 5l10 10M15 5L5 15",
  menu: "M3 6h14M3 10h14M3 14h9",
  sun: "M10 7a3 3 0 100 6 3 3 0 000-6zM10 2.5V4M10 16v1.5M2.5 10H4M16 10h1.5M4.7 4.7l1 1M14.3 14.3l1 1M15.3 4.7l-1 1M5.7 14.3l-1 1",
  moon: "M16 11.5A6.5 6.5 0 018.5 4a6.5 6.5 0 107.5 7.5z",
  share: "M10 12.5V3.5M6.5 6.5L10 3l3.5 3.5M5 10H4v7h12v-7h-1",
  remove: "M4 6h12M8 6V4.5h4V6M6 6l.7 9.5h6.6L14 6",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** The little eye. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <circle className="mark-rim" cx="16" cy="16" r="14.5" />
      <circle className="mark-iris" cx="16" cy="16" r="10.5" />
      <circle className="mark-pupil" cx="16" cy="16" r="5.2" />
      <circle className="mark-light" cx="18.8" cy="13.2" r="1.7" />
    </svg>
  );
}
