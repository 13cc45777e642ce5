import { useRef } from "react";
import { chosenFiles } from "./files.js";
import { table } from "./store.js";

interface PickFilesProps {
  readonly label: string;
  readonly isFolder: boolean;
  readonly isFirm?: boolean;
}

/** Opens the chooser of files, or of a folder with all that is in it. */
export function PickFiles({ label, isFolder, isFirm = false }: PickFilesProps) {
  const input = useRef<HTMLInputElement>(null);
  const folder = isFolder ? { webkitdirectory: "" } : { accept: "image/*" };
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        {...folder}
        onChange={(event) => {
          void table.add(chosenFiles(event.target.files ?? []));
          event.target.value = ""; // the same may be chosen again
        }}
      />
      <button type="button" className={isFirm ? "firm" : "soft"} onClick={() => input.current?.click()}>
        {label}
      </button>
    </>
  );
}
