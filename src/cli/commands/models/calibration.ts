/** What a model is asked to see which of its weights matter: labelled questions of a file, or those of the example pictures. */
import type { ChatMessage } from "../../../core/runtime/index.js";
import { imagesOf, readEvalFiles } from "../../../evals/index.js";
import { questionAbout, userMessage } from "../ask/answer.js";
import { readExamples } from "../ask/examples.js";

/** Questions asked by default: every matrix is tried on each. */
const defaultQuestions = 16;

/** For models without eyes. */
const texts = [
  "Explain in two sentences why the sky is blue.",
  "用一句话介绍你自己。",
  "Write a function that reverses a string in Python.",
  "What is 17 times 23? Think step by step.",
];

/** @throws `not_found`, `invalid_file`: as `ocellus eval` reads its files. */
export async function calibrationConversations(
  file: string | undefined,
  seesImages: boolean,
): Promise<ChatMessage[][]> {
  if (file !== undefined) return (await readEvalFiles([file])).map((c) => questionAbout(imagesOf(c), c.question));
  if (!seesImages) return texts.map((text) => [userMessage([], text)]);
  const examples = await readExamples();
  const asked = examples.flatMap(({ images, questions }) => questions.map(({ question }) => ({ images, question })));
  const step = asked.length / Math.min(defaultQuestions, asked.length);
  return Array.from({ length: Math.min(defaultQuestions, asked.length) }, (_, i) => {
    const { images, question } = asked[Math.floor(i * step)]!;
    return questionAbout(images, question);
  });
}
