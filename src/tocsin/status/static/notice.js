// A line about trouble, in a page of yours: <script src="…/notice.js" async></script>. Without dependencies, cookies or
// styles of the page; what was closed stays closed until there is something new to say.
(() => {
  const own = document.currentScript, root = own.src.replace(/notice\.js.*$/, ""), lang = own.dataset.lang;
  const from = `${root}${lang ? `${lang}/` : ""}notice.json`, kept = "tocsin-notice";
  const look = `:host{all:initial;display:block}
.n{display:flex;gap:.5em 1em;align-items:center;flex-wrap:wrap;padding:.6em 1em;font:15px/1.4 system-ui,sans-serif;color:#14191c;background:#fbeed3;border-bottom:3px solid #8a4f00}
.n.bad{background:#fbe5e7;border-color:#b0112b}.n.dark{color:#e6ebeb;background:#2c220d;border-color:#f2b441}.n.dark.bad{background:#33161a;border-color:#ff8088}
p{margin:0;flex:1 1 9em}a{color:inherit;padding:.6em 0}button{font:inherit;color:inherit;background:none;border:1px solid;border-radius:6px;min-height:2.75em;padding:0 1em;cursor:pointer}
:focus-visible{outline:3px solid;outline-offset:2px}`;
  const host = document.createElement("div"), place = host.attachShadow({mode: "open"}), sheet = new CSSStyleSheet();
  sheet.replaceSync(look);
  place.adoptedStyleSheets = [sheet];
  const live = document.createElement("div");
  live.setAttribute("role", "status");
  live.setAttribute("aria-live", "polite");
  place.append(live);
  const memory = (key) => {
    try { return key ? localStorage.setItem(kept, key) : localStorage.getItem(kept); } catch { return null; }
  };
  const made = (name, text) => Object.assign(document.createElement(name), {textContent: text});
  let shown = "";
  const show = (told) => {
    const key = told.quiet || memory() === told.key ? "" : told.key + told.sentence;
    if (key === shown) return;
    shown = key;
    live.replaceChildren();
    if (!key) return;
    const theme = own.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    const line = made("div", ""), more = made("a", told.words.more), close = made("button", told.words.close);
    line.className = `n ${theme} ${/critical|major/.test(told.indicator) ? "bad" : ""}`;
    line.lang = told.lang;
    more.href = told.incidents.length === 1 ? told.incidents[0].url : told.page.url;
    close.onclick = () => { memory(told.key); shown = ""; live.replaceChildren(); };
    line.append(made("p", told.sentence), more, close);
    live.append(line);
  };
  const ask = () => document.hidden || fetch(from).then((answer) => answer.json()).then(show).catch(() => {});
  const begin = () => { document.body.prepend(host); ask(); setInterval(ask, 60000); };
  document.addEventListener("visibilitychange", ask);
  document.body ? begin() : addEventListener("DOMContentLoaded", begin);
})();
