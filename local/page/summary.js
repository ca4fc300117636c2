// What came of a session: its figures, and the questions that were missed.

import { html, nothing } from "/play/lib/lit-html/lit-html.js";
import { shown } from "/play/text.js";

const ENDS = {
  COMPLETED: "Every question is mastered.",
  ABANDONED: "The session was ended early; what you missed waits for a review.",
  EXPIRED: "The session was not used for 30 days and has expired.",
};

export class Summary {
  #session = null;
  #missed = [];

  constructor(app, id) {
    this.app = app;
    this.path = `/sessions/${id}`;
  }

  async load() {
    const { client } = this.app;
    this.#session = await client.get(this.path);
    const questions = await client.list(`${this.path}/questions?limit=100`, "questions");
    this.#missed = questions.filter((question) => question.missed);
    this.app.draw();
    document.getElementById("summary").focus();
  }

  template() {
    if (!this.#session) return html`<p class="quiet">Loading …</p>`;
    const { progress, status } = this.#session;
    const submitted = progress.correctAnswers + progress.wrongAnswers;
    const figures = [
      ["Questions", progress.totalQuestions],
      ["Mastered", progress.mastered],
      ["Answers", submitted],
      ["Right", submitted ? `${Math.round((100 * progress.correctAnswers) / submitted)}%` : "–"],
    ];
    return html`
      <h1 id="summary" tabindex="-1">${status === "COMPLETED" ? "Done" : "Summary"}</h1>
      <p>${ENDS[status] ?? "The session is not over yet."} ${progress.penaltyIndicator}</p>
      <dl class="figures">${figures.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
      <section class="card">
        <h2>${this.#missed.length ? `Missed at least once: ${this.#missed.length}` : "Nothing was missed"}</h2>
        ${this.#missed.length ? html`<ol class="missed">${this.#missed.map((question) => this.#question(question))}</ol>` : nothing}
      </section>
      <div class="actions"><a class="button primary" href="#/">Play again</a></div>`;
  }

  #question({ text, answers, explanation, language }) {
    const right = answers.filter((answer) => answer.correct);
    return html`
      <li lang=${language ?? nothing}>${shown(text)}
        ${right.length ? html`<p class="right">✓ ${right.map((answer, place) => html`${place ? ", " : nothing}${shown(answer.text, { inline: true })}`)}</p>` : nothing}
        ${explanation ? html`<details><summary>Why</summary>${shown(explanation)}</details>` : nothing}
      </li>`;
  }
}
