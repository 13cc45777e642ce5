/** The pages of the answer around it, for the numbers in its text; none where no collection was asked. */
import { createContext } from "react";
import type { CitedPage } from "./cited.js";

interface CitedContent {
  /** Those that can be shown, by their numbers. */
  readonly pages: ReadonlyMap<number, CitedPage>;
  /** Shows one; absent where an address does. */
  readonly show?: (page: CitedPage) => void;
  readonly hrefOf?: (page: CitedPage) => string;
}

export const CitedContext = createContext<CitedContent>({ pages: new Map() });
