/** The page's policy forbids making code of texts; schemas would try, and the browser would report it. Imported before what makes schemas. */
import { z } from "zod";

z.config({ jitless: true });
