// The page: signs a learner in by name, follows the address, and draws the view it names.
//   #/            choose what to play        #/sessions/ID          play
//                                            #/sessions/ID/summary  what came of it

import { html, nothing, render } from "/play/lib/lit-html/lit-html.js";
import { Client, Problem } from "/play/api.js";
import { Home } from "/play/home.js";
import { Play } from "/play/play.js";
import { Summary } from "/play/summary.js";

const root = document.getElementById("app");
const connection = document.getElementById("connection");
const verdict = document.getElementById("verdict");

const app = {
  name: localStorage.getItem("name") ?? "",
  client: null,
  view: null,
  trouble: null,

  draw: () => render(page(), root),
  say: (text) => { verdict.textContent = text; },
  go: (hash) => {
    if (location.hash === hash) follow();
    else location.hash = hash;
  },

  // Runs what the learner asked for; a refusal is shown, and returned as null.
  async attempt(action) {
    app.trouble = null;
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const faults = (error.body.errors ?? []).map((fault) => `${fault.field}: ${fault.message}`);
      app.trouble = [error.message, ...faults].join(" ");
      return null;
    } finally {
      app.draw();
    }
  },
};

function page() {
  return html`
    ${app.trouble ? html`<p class="trouble" role="alert">${app.trouble}</p>` : nothing}
    ${app.client ? app.view.template() : signIn()}`;
}

function signIn() {
  const start = (event) => {
    event.preventDefault();
    const name = new FormData(event.target).get("name").trim();
    if (name) enter(name);
  };
  return html`
    <h1>Play a quiz</h1>
    <p>What you miss comes back until you know it. Type a name to begin; the same name finds its
      sessions again.</p>
    <form class="card" @submit=${start}>
      <label>Your name <input name="name" required maxlength="64" autocomplete="nickname" autofocus></label>
      <button class="primary">Begin</button>
    </form>`;
}

function enter(name) {
  app.name = name;
  localStorage.setItem("name", name);
  app.client = new Client(name, waiting);
  follow();
}

app.leave = () => {
  localStorage.removeItem("name");
  Object.assign(app, { name: "", client: null, view: null, trouble: null });
  app.go("#/");
};

function waiting(retry) {
  render(retry ? html`
    <p>The stage does not answer; trying again. Nothing is lost.
      <button @click=${retry}>Try now</button></p>` : nothing, connection);
}

function follow() {
  if (!app.client) return app.draw();
  const [, id, page] = /^#\/sessions\/([0-9a-f]+)(\/summary)?$/.exec(location.hash) ?? [];
  app.trouble = null;
  app.say("");
  app.view = !id ? new Home(app) : page ? new Summary(app, id) : new Play(app, id);
  app.draw();
  app.attempt(() => app.view.load());
}

addEventListener("hashchange", follow);
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("a, button, select, summary, textarea, input:not([name=choice])");
  if (typing || event.ctrlKey || event.altKey || event.metaKey) return;
  app.view?.key?.(event);
});

if (app.name) enter(app.name);
else app.draw();
