/** The boards of the gallery: parts in all their states, rooms with what a server can answer, and what opens over them. */
import type { ReactNode } from "react";
import { App } from "../app.js";
import { pages } from "../route.js";
import { InBrowser } from "./board-in-browser.js";
import {
  AnswerStates,
  Composers,
  Confirming,
  Failed,
  Notices,
  Problems,
  parts,
  Questions,
  Tokens,
} from "./board-parts.js";
import { GrowingText, GrowingTokens } from "./growing.js";
import { type Answers, usualAnswers } from "./server.js";
import { conversationId } from "./talk.js";

export interface Board {
  readonly name: string;
  readonly render: () => ReactNode;
  /** Of a room. */
  readonly hash?: string;
  readonly answers?: Answers;
  /** Too large to be looked at with the others. */
  readonly isLarge?: boolean;
  /** Presses what has to be pressed; looked up in the document. */
  readonly presses?: readonly string[];
  /** What is there then, also if it has to be loaded first. */
  readonly shows?: string;
}

const room = (name: string, hash: string, more: Partial<Board> = {}): Board => ({
  ...{ name, hash, render: () => <App /> },
  ...more,
});
const without = (...paths: readonly string[]): Answers => ({
  ...usualAnswers,
  ...Object.fromEntries(paths.map((path) => [path, 404])),
});

export const boards: readonly Board[] = [
  { name: "answers", render: parts(AnswerStates), presses: [".thoughts summary"] },
  { name: "tokens", render: parts(Tokens), presses: [".tokens button:nth-child(7)"] },
  { name: "questions", render: parts(Questions), presses: [".question:last-child .action"] },
  { name: "composers", render: parts(Composers) },
  { name: "problems", render: parts(Problems) },
  { name: "in browser", render: parts(InBrowser), shows: ".in-browser button" },
  { name: "notices", render: parts(Notices) },
  { name: "failed", render: parts(Failed) },
  { name: "confirm", render: parts(Confirming) },
  { name: "growing text", render: parts(GrowingText), isLarge: true },
  { name: "growing tokens", render: parts(GrowingTokens), isLarge: true },
  ...pages.map((page) => room(page, `#/${page}`)),
  room("conversation", `#/chat/${conversationId}`),
  room("settings", "#/chat", { presses: [".top-bar [aria-expanded]"], shows: ".settings" }),
  room("settings of a schema", "#/chat", {
    presses: [".top-bar [aria-expanded]", ".settings .tabs label:last-child input", ".settings .field .action"],
    shows: ".settings .mono",
  }),
  room("program", `#/chat/${conversationId}`, {
    ...{ presses: [".answer .actions .action:last-child"], shows: ".code-dialog[open]" },
  }),
  room("picture", `#/chat/${conversationId}`, {
    ...{ presses: [".question .picture > button"], shows: ".viewer[open] .zoom-window" },
  }),
  room("menu", "#/chat", { presses: [".top-bar .only-narrow"], shows: ".sidebar[data-open=true]" }),
  room("model open", "#/model", { presses: [".room summary"] }),
  room("docs open", "#/docs", { presses: [".operation summary"], shows: ".operation .try-form" }),
  room("guards tried", "#/guards"),
  room("versions none", "#/versions", { answers: without("admin/v1/state") }),
  room("versions locked", "#/versions", { answers: { ...usualAnswers, "admin/v1/state": 401 } }),
  room("guards failed", "#/guards", { answers: { ...usualAnswers, "v1/ocellus/guards": 500 } }),
  room("collections none", "#/collections", { answers: without("v1/ocellus/collections") }),
  room("collections empty", "#/collections", {
    answers: { ...usualAnswers, "v1/ocellus/collections": { object: "list", data: [] } },
  }),
  room("monitor none", "#/monitor", { answers: without("metrics") }),
  room("locked", "#/chat", { answers: { ...usualAnswers, "v1/models": 401 } }),
  room("loading", "#/chat", { answers: { ...usualAnswers, "health/ready": { status: "loading" } } }),
];
