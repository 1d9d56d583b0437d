// What is folded is printed open, and opens for a link that leads into it.
const folded = () => document.querySelectorAll("details.folded");
window.addEventListener("beforeprint", () => folded().forEach((one) => (one.open = true)));
const reveal = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const around = target && target.closest("details");
  if (around) {
    around.open = true;
    target.scrollIntoView();
  }
};
window.addEventListener("hashchange", reveal);
window.addEventListener("DOMContentLoaded", reveal);
