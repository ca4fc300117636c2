// Plays one session: shows the current question, takes the answer, shows the verdict.

import { html, nothing } from "/play/lib/lit-html/lit-html.js";
import { live } from "/play/lib/lit-html/directives/live.js";
import { Problem } from "/play/api.js";
import { shown } from "/play/text.js";

export class Play {
  #question = null;
  #version = null;
  #progress = null;
  #chosen = new Set();
  #shownAt = 0;
  #notice = "";
  #verdict = null; // of the answer before: {correct, message}
  #right = null; // a right answer on screen until the learner goes on
  #next = null; // the response that holds what follows it
  #sending = false;
  #paused = false;

  constructor(app, id) {
    this.app = app;
    this.path = `/sessions/${id}`;
    this.hash = `#/sessions/${id}`;
  }

  async load() {
    try {
      this.#show(await this.app.client.get(`${this.path}/question`));
    } catch (error) {
      await this.#refused(error);
    }
  }

  #show(body) {
    if (!body.question) return this.app.go(`${this.hash}/summary`);
    this.#question = body.question;
    this.#version = body.version ?? this.#version;
    this.#progress = body.progress ?? this.#progress;
    this.#chosen = new Set();
    this.#right = this.#next = null;
    this.#paused = false;
    this.#shownAt = performance.now();
    this.app.draw();
    document.getElementById("question")?.focus();
  }

  // What the server refuses is no fault of the page: the session went on elsewhere, say.
  async #refused(error) {
    if (!(error instanceof Problem)) throw error;
    this.#verdict = null;
    if (error.code === "SESSION_PAUSED") this.#paused = true;
    else if (error.code === "TURN_MISMATCH" || error.code === "QUESTION_CHANGED") {
      this.#notice = error.code === "TURN_MISMATCH"
        ? "This session went on elsewhere; here is its current question."
        : "This question was edited just now; your answer was not counted.";
      this.#show(await this.app.client.get(`${this.path}/question`));
      this.app.say(this.#notice);
    } else if (error.code === "SESSION_OVER" || error.code === "SESSION_EXPIRED") {
      this.app.go(`${this.hash}/summary`);
    } else throw error;
  }

  template() {
    if (this.#paused) return this.#pausedView();
    if (!this.#question) return html`<p class="quiet">Loading …</p>`;
    return html`
      ${this.#header()}
      ${this.#notice ? html`<p class="notice">${this.#notice}</p>` : nothing}
      ${this.#verdict ? html`
        <p class=${this.#verdict.correct ? "verdict right" : "verdict wrong"}>${this.#verdict.message}</p>` : nothing}
      ${this.#right ? this.#answered() : this.#asking()}`;
  }

  #header() {
    const { answersLeft, penaltyIndicator, percentComplete, remainingTries, wrongPoolSize } = this.#progress;
    const times = remainingTries === 1 ? "once more" : `${remainingTries} more times`;
    return html`
      <div class="status">
        <p><progress max="100" value=${percentComplete} aria-label="Progress"></progress>
          <span>${answersLeft} right ${answersLeft === 1 ? "answer" : "answers"} to go</span></p>
        <details class="owed" ?open=${Boolean(penaltyIndicator)}>
          <summary>${penaltyIndicator || "Nothing owed"}</summary>
          <p>${penaltyIndicator
            ? `${wrongPoolSize} missed ${wrongPoolSize === 1 ? "question has" : "questions have"} to be answered correctly ${times}${wrongPoolSize === 1 ? "" : " in all"}.`
            : "A question that you miss comes back: it has to be answered correctly twice more."}</p>
        </details>
      </div>`;
  }

  #heading(question) {
    return html`
      <p class="quiet">Question ${question.questionNumber}${question.reason ? html` · ${question.reason.text}` : nothing}</p>
      <h1 id="question" tabindex="-1" lang=${question.language}>${shown(question.text)}</h1>`;
  }

  #asking() {
    const question = this.#question;
    const several = question.type === "MULTIPLE_CHOICE";
    return html`
      <form @submit=${(event) => { event.preventDefault(); this.#answer(); }}>
        ${this.#heading(question)}
        <fieldset class="choices" ?disabled=${this.#sending}>
          <legend>${several ? "Choose all that apply" : "Choose one"}</legend>
          ${question.answers.map(({ id, text }, place) => html`
            <label class="choice">
              <input type=${several ? "checkbox" : "radio"} name="choice" value=${id}
                .checked=${live(this.#chosen.has(id))} @change=${() => this.#choose(id)}>
              <kbd aria-hidden="true">${(place + 1) % 10}</kbd>
              <span lang=${question.language}>${shown(text, { inline: true })}</span>
            </label>`)}
        </fieldset>
        <div class="actions">
          <button class="primary" ?disabled=${this.#sending}>Answer</button>
          <button type="button" @click=${() => this.#pause()}>Pause</button>
          <button type="button" @click=${() => this.#abandon()}>End session</button>
        </div>
      </form>`;
  }

  #answered() {
    const { question, correctAnswers, explanation } = this.#right;
    return html`
      ${this.#heading(question)}
      <ul class="choices">${question.answers.map(({ id, text }) => html`
        <li class=${correctAnswers.includes(id) ? "choice correct" : "choice"}>
          <span aria-hidden="true">${correctAnswers.includes(id) ? "✓" : ""}</span>
          <span lang=${question.language}>${shown(text, { inline: true })}
            ${correctAnswers.includes(id) ? html`<span class="unseen">(correct)</span>` : nothing}</span>
        </li>`)}
      </ul>
      ${explanation ? html`<section class="explanation"><h2>Why</h2>${shown(explanation)}</section>` : nothing}
      <div class="actions">
        <button id="next" class="primary" @click=${() => this.#goOn()}>
          ${this.#next.question ? "Next question" : "See the summary"}</button>
      </div>`;
  }

  #pausedView() {
    return html`
      <h1>Paused</h1>
      <p>The session waits for you, with everything you answered.</p>
      <div class="actions">
        <button class="primary" @click=${() => this.#resume()}>Go on</button>
        <a class="button" href="#/">Back to the start</a>
      </div>`;
  }

  #choose(id) {
    if (this.#question.type === "SINGLE_CHOICE") this.#chosen = new Set([id]);
    else if (!this.#chosen.delete(id)) this.#chosen.add(id);
    this.app.draw();
  }

  // Keys 1 to 9 and 0 choose, Enter answers or goes on.
  key(event) {
    if (event.key === "Enter" && this.#right) this.#goOn();
    else if (event.key === "Enter" && this.#question && !this.#paused) this.#answer();
    else if (/^\d$/.test(event.key) && this.#question && !this.#right && !this.#paused) {
      const choice = this.#question.answers[(Number(event.key) + 9) % 10];
      if (choice && !this.#sending) this.#choose(choice.id);
    } else return;
    event.preventDefault();
  }

  async #answer() {
    if (this.#sending || !this.#chosen.size) return;
    const question = this.#question;
    this.#sending = true;
    this.#notice = "";
    try {
      await this.app.attempt(async () => {
        try {
          this.#take(question, await this.app.client.post(`${this.path}/answer`, {
            questionId: question.questionId,
            turn: question.turn,
            selectedAnswers: [...this.#chosen],
            timeSpent: Math.min(86_400, Math.round((performance.now() - this.#shownAt) / 100) / 10),
          }));
        } catch (error) {
          await this.#refused(error);
        }
      });
    } finally {
      this.#sending = false;
      this.app.draw();
    }
  }

  #take(question, result) {
    this.#verdict = { correct: result.correct, message: result.message };
    this.#progress = result.progress;
    this.#version = result.version ?? this.#version;
    this.app.say(`${result.message} ${result.penaltyIndicator}`);
    if (!result.correct) return this.#show(result);
    this.#right = { question, correctAnswers: result.correctAnswers, explanation: result.explanation };
    this.#next = result;
    this.app.draw();
    document.getElementById("next").focus();
  }

  #goOn() {
    this.#verdict = null;
    this.app.say("");
    this.#show(this.#next);
  }

  #pause = () => this.#change({ status: "PAUSED" }, () => { this.#paused = true; });

  #resume = () => this.#change({ status: "ACTIVE" }, () => this.load());

  #change(change, then) {
    return this.app.attempt(async () => {
      const { version } = await this.app.client.get(this.path);
      await this.app.client.patch(this.path, { ...change, version });
      await then();
    });
  }

  async #abandon() {
    if (!confirm("End this session? What you missed stays for a review.")) return;
    await this.app.attempt(async () => {
      await this.app.client.delete(this.path);
      this.app.go(`${this.hash}/summary`);
    });
  }
}
