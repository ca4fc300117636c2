// The HTTP client: one token per learner, retries with backoff, problem documents as errors.
// Every request of this page may be repeated: answers and starts are idempotent.

const RETRIED = new Set([429, 502, 503, 504]);
const TIMEOUT = 10_000; // ms for one attempt
const LONGEST_PAUSE = 15_000; // ms between two attempts

export class Problem extends Error {
  constructor(body, status) {
    super(body.detail ?? `The server answered with status ${status}.`);
    this.status = status;
    this.code = body.code;
    this.body = body;
  }
}

export class Client {
  #token = null;

  // `onWait(retry)` reports that the stage does not answer, with a function that retries at once;
  // `onWait(null)` that it does again.
  constructor(name, onWait) {
    this.name = name;
    this.onWait = onWait;
  }

  get = (path) => this.#call("GET", path);
  post = (path, body, headers) => this.#call("POST", path, body, headers);
  patch = (path, body) => this.#call("PATCH", path, body);
  delete = (path) => this.#call("DELETE", path);

  // All pages of a list, up to `most` items.
  async list(path, member, most = 1000) {
    const items = [];
    let token = null;
    do {
      const next = token ? `${path.includes("?") ? "&" : "?"}nextToken=${encodeURIComponent(token)}` : "";
      const page = await this.get(path + next);
      items.push(...page[member]);
      token = page.nextToken;
    } while (token && items.length < most);
    return items;
  }

  async #call(method, path, body, headers = {}) {
    let renewed = false;
    for (;;) {
      this.#token ??= await this.#newToken();
      const response = await this.#retried(path, method, body, {
        ...headers,
        Authorization: `Bearer ${this.#token}`,
      });
      if (response.status === 401 && !renewed) {
        renewed = true;
        this.#token = null; // expired, or of a stage that was reset
        continue;
      }
      return this.#content(response);
    }
  }

  async #newToken() {
    const response = await this.#retried("/play/token", "POST", { name: this.name });
    return (await this.#content(response)).token;
  }

  async #content(response) {
    if (response.status === 204) return null;
    const body = await response.json();
    if (!response.ok) throw new Problem(body, response.status);
    return body;
  }

  // Sends a request until something other than a passing failure comes back.
  async #retried(path, method, body, headers = {}) {
    for (let attempt = 0; ; attempt++) {
      let pause = Math.min(LONGEST_PAUSE, 300 * 2 ** attempt) * (0.5 + Math.random() / 2);
      try {
        const response = await fetch(path, {
          method,
          headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
          body: body === undefined ? undefined : JSON.stringify(body),
          signal: AbortSignal.timeout(TIMEOUT),
        });
        if (!RETRIED.has(response.status)) {
          this.onWait(null);
          return response;
        }
        pause = Math.max(pause, 1000 * Number(response.headers.get("Retry-After") ?? 0));
      } catch (error) {
        if (!(error instanceof TypeError || error.name === "TimeoutError")) throw error;
      }
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, pause);
        const now = () => { clearTimeout(timer); resolve(); };
        addEventListener("online", now, { once: true });
        this.onWait(now);
      });
    }
  }
}
