/** A page's policy may forbid making code of texts; schemas would try, and browsers report that. Imported before what makes schemas. */
import { z } from "zod";

z.config({ jitless: true });
