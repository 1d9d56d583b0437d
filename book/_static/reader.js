// What a page does for its reader: opens what a link or a printer needs, enlarges figures, goes to
// what was searched for, prints dark pages light.
const closed = () => document.querySelectorAll("details:not([open])");
let opened = [];
let theme = "";
window.addEventListener("beforeprint", () => {
  opened = [...closed()];
  opened.forEach((one) => (one.open = true));
  document.querySelectorAll("img[loading=lazy]").forEach((one) => (one.loading = "eager"));
  theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
window.addEventListener("afterprint", () => {
  opened.forEach((one) => (one.open = false));
  document.documentElement.dataset.theme = theme;
});

const show = (target) => {
  for (let at = target.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
  target.scrollIntoView({ block: "center" });
};
const reveal = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target && (target.closest("details") || target.querySelector("details"))) {
    target.querySelectorAll(":scope > details").forEach((one) => (one.open = true));
    show(target);
  }
};

// Chinese is searched by pairs of characters and English by stems: what is marked is the Chinese
// run that was typed, and words of the same stem.
document.addEventListener("click", (event) => {
  if (!event.target.closest("#search-results li a")) return;
  const query = new URLSearchParams(location.search).get("q") || "";
  const typed = query.toLowerCase().match(/\p{Script=Han}+|[^\s\p{Script=Han}]+/gu) || [];
  const stems = typed.map((word) => new Stemmer().stemWord(word)).filter((stem) => stem.length > 3);
  // Where a page has the other word for what was typed, that one is marked.
  const whole = query.trim().toLowerCase();
  const others = synonyms.filter((terms) => terms.includes(whole)).flat();
  localStorage.setItem("sphinx_highlight_terms", [...new Set([...typed, ...stems, ...others])].join(" "));
});

const enlarge = (box) => {
  const shown = [...box.querySelectorAll("img")].find((one) => one.offsetParent) || box.querySelector("img");
  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.setAttribute("aria-label", "Enlarged figure");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Close";
  button.addEventListener("click", () => dialog.close());
  const image = shown.cloneNode();
  dialog.append(button, image);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => { dialog.remove(); box.focus(); });
  document.body.append(dialog);
  dialog.showModal();
};

window.addEventListener("hashchange", reveal);
window.addEventListener("DOMContentLoaded", () => {
  reveal();
  document.querySelectorAll(".figure-box").forEach((box) => {
    box.addEventListener("click", () => enlarge(box));
    box.addEventListener("keydown", (event) => event.key === "Enter" && enlarge(box));
  });
  // The builder's own script marks what was searched for a moment after the page is there.
  setTimeout(() => {
    const hit = !location.hash && document.querySelector(".bd-article .highlighted");
    if (hit) show(hit);
  }, 300);
});
