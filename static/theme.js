// The theme before the first paint: "light", "dark" or "system", kept in this browser. Loaded blocking, so it is short.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => {
    try {
      return localStorage.getItem("theme") || "system";
    } catch {
      return "system"; // storage is off
    }
  };
  const show = () => {
    const theme = wanted();
    root.dataset.theme = theme;
    root.dataset.bsTheme = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
  };
  window.chooseTheme = (theme) => {
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // not kept; the choice lasts as long as the page
    }
    show();
    if (wanted() !== theme) root.dataset.bsTheme = theme;
  };
  root.classList.add("js");
  dark.addEventListener("change", show);
  show();
})();
