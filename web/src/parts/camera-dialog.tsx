/** What the camera sees, and a button that takes it. The camera is off as soon as the dialog is gone. */
import { useEffect, useRef, useState } from "react";
import { Icon } from "../icons.js";
import { openCamera, sourceProblem, stillOf, stopAll } from "../sources.js";
import { useWords } from "../words.js";
import { useSourceWords } from "../words-sources.js";

interface CameraDialogProps {
  readonly onTake: (file: File) => void;
  readonly onClose: () => void;
}

export function CameraDialog({ onTake, onClose }: CameraDialogProps) {
  const [words, own] = [useWords(), useSourceWords()];
  const dialog = useRef<HTMLDialogElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const [isOn, setOn] = useState(false);
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    dialog.current?.showModal();
    let stream: MediaStream | undefined;
    let isOver = false;
    openCamera().then(
      (opened) => {
        if (isOver) return stopAll(opened);
        stream = opened;
        video.current!.srcObject = opened;
      },
      (error: unknown) => setProblem(sourceProblem(error, own)),
    );
    return () => {
      isOver = true;
      if (stream) stopAll(stream);
    };
  }, []);
  const take = async () => onTake(await stillOf(video.current!, "camera.png"));
  return (
    <dialog ref={dialog} className="camera" aria-labelledby="camera-title" onClose={onClose}>
      <header className="row spread">
        <h2 id="camera-title">{own.cameraTitle}</h2>
        <button type="button" className="quiet" aria-label={words.close} onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      {problem === undefined ? (
        <video ref={video} autoPlay playsInline muted onPlaying={() => setOn(true)} />
      ) : (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
      <div className="row spread">
        <p className="aside">{own.cameraNote}</p>
        <button type="button" className="firm" disabled={!isOn} onClick={() => void take()}>
          {own.take}
        </button>
      </div>
    </dialog>
  );
}
