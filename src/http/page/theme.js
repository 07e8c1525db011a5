/** Dark, light, or as the system has it. */

import { byId } from "./dom.js";

const NAME = "theme";

/** Shows what was chosen here before, and lets the button choose. */
export function chooseTheme() {
  setTheme(kept());
  byId("theme").addEventListener("click", () => {
    const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme ?? (isDark ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    setTheme(next);
    keep(next);
  });
}

/** @param {string | null} theme */
function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

/** A browser that may keep nothing throws; the page does without. */
function kept() {
  try {
    return localStorage.getItem(NAME);
  } catch {
    return null;
  }
}

/** @param {string} theme */
function keep(theme) {
  try {
    localStorage.setItem(NAME, theme);
  } catch {
    // It holds as long as the page is open.
  }
}
