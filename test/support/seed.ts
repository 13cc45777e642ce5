/**
 * Property tests of continuous integration draw from one seed, so that a change is judged by itself and not by luck; every other
 * run draws afresh, and says the seed of what it finds.
 */
import fc from "fast-check";

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_261_130 });
