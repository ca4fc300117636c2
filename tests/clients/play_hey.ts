// Plays a session with the client that @hey-api/openapi-ts generated: `URL TOKEN`.

import { createClient } from "./generated/hey/client/index.ts";
import { getQuestion, startSession, submitAnswer } from "./generated/hey/sdk.gen.ts";
import type { ConflictProblem, ShownQuestion } from "./generated/hey/types.gen.ts";

const [baseUrl, token] = process.argv.slice(2);
const client = createClient({ baseUrl, auth: token });

const unknown = await startSession({ client, body: { sources: [{ category: "unknown" }] } });
if (!unknown.error) throw new Error("an unknown category was accepted");

const started = await startSession({
  client,
  body: { sources: [{ category: "capitals", questionCount: 3 }] },
});
if (!started.data) throw new Error(started.error.code);
const path = { sessionId: started.data.sessionId };

const current = await getQuestion({ client, path });
if (!current.data) throw new Error(current.error.code);

let question: ShownQuestion | null = current.data.question;
const tried = new Map<string, Set<string>>();
let answers = 0;
while (question) {
  const wrong: Set<string> = tried.get(question.questionId) ?? new Set();
  tried.set(question.questionId, wrong);
  const choice = question.answers.find((each) => !wrong.has(each.text));
  if (!choice) throw new Error("every choice was wrong");
  const body = { questionId: question.questionId, turn: question.turn, selectedAnswers: [choice.id] };
  const result = await submitAnswer({ client, path, body });
  if (!result.data) throw new Error(result.error.code);
  answers += 1;
  if (!result.data.correct) wrong.add(choice.text);
  question = result.data.question;
}

const stale = await submitAnswer({
  client,
  path,
  body: { questionId: "geography:000000", turn: 1, selectedAnswers: ["aaaa1"] },
});
const code: ConflictProblem["code"] | string | undefined = stale.error?.code;
if (code !== "SESSION_OVER" && code !== "TURN_MISMATCH") throw new Error(code);
console.log(`completed after ${answers} answers; then ${code}`);
