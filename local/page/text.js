// Texts of the bank as nodes: Markdown, code and formulas. Nothing in them runs or loads anything.

import DOMPurify from "/play/lib/purify.es.mjs";
import { Marked } from "/play/lib/marked.esm.js";
import { guard } from "/play/lib/lit-html/directives/guard.js";

const ALLOWED = {
  ALLOWED_TAGS: [
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol",
    "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
  ],
  ALLOWED_ATTR: ["align", "data-display", "data-tex", "dir", "href", "lang", "start", "title"],
  RETURN_DOM_FRAGMENT: true,
};

// Delimiters as KaTeX and Pandoc read them. A closing `$` has no space before and no digit after
// it, so "$5 and $6" stays money.
const FORMULA = [
  [/^\$\$([^]+?)\$\$/, true],
  [/^\\\[([^]+?)\\\]/, true],
  [/^\\\(([^]+?)\\\)/, false],
  [/^\$(?![\s$])((?:\\[^]|[^$\\\n])*?[^\s\\$])\$(?!\d)/, false],
];

const escaped = (text) =>
  text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

// Tags that stay HTML; any other is shown as it is written, as in "What does <script> do?".
const SIMPLE = /^<\/?(b|br|code|del|em|i|li|ol|p|s|strong|sub|sup|table|tbody|td|th|thead|tr|u|ul)\s*\/?>$/i;

const marked = new Marked({
  breaks: true,
  gfm: true,
  renderer: {
    html: ({ text }) => text.replace(/<[^>]*>?/g, (tag) => (SIMPLE.test(tag) ? tag : escaped(tag))),
    image: ({ text, href }) => escaped(text || href), // nothing is loaded from elsewhere
  },
  extensions: [{
    name: "formula",
    level: "inline",
    start: (source) => source.search(/\$|\\[([]/),
    tokenizer(source) {
      for (const [pattern, display] of FORMULA) {
        const found = pattern.exec(source);
        if (found) return { type: "formula", raw: found[0], tex: found[1], display };
      }
    },
    renderer: ({ tex, display }) =>
      `<span data-tex="${escaped(tex)}" ${display ? 'data-display=""' : ""}>${escaped(tex)}</span>`,
  }],
});

// Returns a lit directive that shows `text`; `inline` leaves out the paragraph around it.
export const shown = (text, { inline = false } = {}) =>
  guard([text, inline], () => element(text, inline));

function element(text, inline) {
  const box = document.createElement(inline ? "span" : "div");
  box.className = "prose";
  box.dir = "auto";
  const html = inline ? marked.parseInline(text) : marked.parse(text);
  box.append(DOMPurify.sanitize(html, ALLOWED));
  for (const link of box.querySelectorAll("a[href]")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow";
  }
  const formulas = box.querySelectorAll("[data-tex]");
  if (formulas.length) typeset(formulas);
  return box;
}

// Temml is half of all the script here, so only a text with a formula loads it.
async function typeset(formulas) {
  const { default: temml } = await import("/play/lib/temml.mjs");
  for (const formula of formulas) {
    const displayMode = "display" in formula.dataset;
    temml.render(formula.dataset.tex, formula, { displayMode, throwOnError: false });
  }
}
