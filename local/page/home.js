// What to play: sessions to go on with, mistakes to review, and a new session.

import { html, nothing } from "/play/lib/lit-html/lit-html.js";

const USUAL_COUNT = 10;
const POLICIES = [
  ["RATIO", "Cover much", "One question in five is an earlier mistake; the rest are new."],
  ["SPACED", "Keep what was missed", "A mistake comes back some questions later, then once more."],
];

export class Home {
  #categories = null;
  #unfinished = [];
  #mistakes = 0;
  #key = crypto.randomUUID(); // a start that is sent twice makes one session

  constructor(app) {
    this.app = app;
  }

  async load() {
    const { client } = this.app;
    const [categories, active, paused, pool] = await Promise.all([
      client.list("/questions/categories?limit=100", "categories"),
      client.get("/sessions?status=ACTIVE"),
      client.get("/sessions?status=PAUSED"),
      client.get("/users/me/progress"),
    ]);
    this.#categories = categories;
    this.#unfinished = [...active.sessions, ...paused.sessions];
    this.#mistakes = pool.wrongPoolSize;
  }

  template() {
    if (!this.#categories) return html`<p class="quiet">Loading …</p>`;
    return html`
      <h1>Hello ${this.app.name}</h1>
      ${this.#unfinished.length ? this.#resume() : nothing}
      ${this.#categories.length ? this.#start() : html`
        <p>The bank is empty: <code>make import FILE=bank.csv</code> fills it.</p>`}
      <section class="card">
        <h2>My mistakes</h2>
        <p>${this.#mistakes
          ? `${this.#mistakes} missed ${this.#mistakes === 1 ? "question waits" : "questions wait"} to be answered correctly. `
          : "No missed question is waiting. "}
          A review takes up what ended sessions left over.</p>
        <button @click=${() => this.#begin({ review: {} })}>Review my mistakes</button>
      </section>
      <p class="quiet">Not ${this.app.name}? <button class="link" @click=${this.app.leave}>Change name</button></p>`;
  }

  #resume() {
    return html`
      <section class="card">
        <h2>Go on with</h2>
        <ul class="rows">${this.#unfinished.map((session) => html`
          <li><a href="#/sessions/${session.sessionId}">
            ${session.name || session.sources.map((source) => this.#title(source.category)).join(", ")}</a>
            <span class="quiet">${session.progress.answersLeft} right answers to go
              ${session.status === "PAUSED" ? "· paused" : nothing}
              ${session.progress.penaltyIndicator}</span></li>`)}
        </ul>
      </section>`;
  }

  #title(category) {
    return this.#categories.find((each) => each.category === category)?.title || category;
  }

  #start() {
    return html`
      <form class="card" @submit=${(event) => this.#submit(event)}>
        <h2>New session</h2>
        <fieldset>
          <legend>Categories, and how many questions of each</legend>
          ${this.#categories.map(({ category, questionCount, language }, place) => html`
            <div class="source">
              <label><input type="checkbox" name="category" value=${category} ?checked=${place === 0}>
                <span>${this.#title(category)}${language && language !== "en" ? ` (${language})` : ""}</span></label>
              <label><input type="number" name="count-${category}" min="1" max=${questionCount}
                value=${Math.min(USUAL_COUNT, questionCount)} aria-label="Questions of ${this.#title(category)}">
                <span class="quiet">of ${questionCount}</span></label>
            </div>`)}
        </fieldset>
        <fieldset>
          <legend>How mistakes come back</legend>
          ${POLICIES.map(([value, name, meaning], place) => html`
            <label class="policy"><input type="radio" name="policy" value=${value} ?checked=${place === 0}>
              <span><strong>${name}</strong> <span class="quiet">${meaning}</span></span></label>`)}
        </fieldset>
        <button class="primary">Start</button>
      </form>`;
  }

  #submit(event) {
    event.preventDefault();
    const form = new FormData(event.target);
    const sources = form.getAll("category").map((category) => ({
      category,
      questionCount: Number(form.get(`count-${category}`)),
    }));
    if (!sources.length) {
      this.app.trouble = "Choose at least one category.";
      return this.app.draw();
    }
    this.#begin({ sources, settings: { policy: form.get("policy") } });
  }

  async #begin(body) {
    const session = await this.app.attempt(() =>
      this.app.client.post("/sessions", body, { "Idempotency-Key": this.#key }));
    if (session) this.app.go(`#/sessions/${session.sessionId}`);
    else this.#key = crypto.randomUUID(); // another choice is another session
  }
}
