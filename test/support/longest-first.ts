/** The order of test files: what starts processes and browsers first, units last, so that no long file is left to one core at the end. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

const projects = ["alone", "whole", "unit"];

export class LongestFirst extends BaseSequencer {
  /** Within a project by what the last run took, else by size. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return projects.flatMap((name) => sorted.filter(({ project }) => project.name === name));
  }
}
