// Plays a session with openapi-fetch and the types that openapi-typescript generated: `URL TOKEN`.

import createClient from "openapi-fetch";
import type { components, paths } from "./generated/schema.d.ts";

const [url, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

const unknown = await client.POST("/sessions", { body: { sources: [{ category: "unknown" }] } });
if (unknown.error === undefined || !("errors" in unknown.error)) throw new Error("no fault was reported");

const started = await client.POST("/sessions", {
  body: { sources: [{ category: "capitals", questionCount: 3 }] },
});
if (started.error) throw new Error(started.error.code);
const params = { path: { sessionId: started.data.sessionId } };

const current = await client.GET("/sessions/{sessionId}/question", { params });
if (current.error) throw new Error(current.error.code);

let question: components["schemas"]["ShownQuestion"] | null = current.data.question;
const tried = new Map<string, Set<string>>();
let answers = 0;
while (question) {
  const wrong: Set<string> = tried.get(question.questionId) ?? new Set();
  tried.set(question.questionId, wrong);
  const choice = question.answers.find((each) => !wrong.has(each.text));
  if (!choice) throw new Error("every choice was wrong");
  const body = { questionId: question.questionId, turn: question.turn, selectedAnswers: [choice.id] };
  const { data, error }: { data?: components["schemas"]["AnswerResult"]; error?: { code: string } } =
    await client.POST("/sessions/{sessionId}/answer", { params, body });
  if (!data) throw new Error(error?.code);
  answers += 1;
  if (!data.correct) wrong.add(choice.text);
  question = data.question;
}

const stale = await client.POST("/sessions/{sessionId}/answer", {
  params,
  body: { questionId: "geography:000000", turn: 1, selectedAnswers: ["aaaa1"] },
});
if (!stale.error) throw new Error("an answer after the end was accepted");
switch (stale.error.code) {
  case "SESSION_OVER":
  case "TURN_MISMATCH":
    console.log(`completed after ${answers} answers; then ${stale.error.code}`);
    break;
  default:
    throw new Error(stale.error.code);
}
