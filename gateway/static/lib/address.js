/** What the page's address says behind `?`: the filters of a list, so that a link or a reload shows the same. */

/** The screen's parameters. @returns {Record<string, string>} */
export function parameters() {
  return Object.fromEntries(new URLSearchParams(location.hash.split("?")[1] ?? ""));
}

/** An address within the page. @param {string} path such as `#/runs` @param {Record<string, string>} [given] empty ones are left out */
export function address(path, given = {}) {
  const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value)).toString();
  return query ? `${path}?${query}` : path;
}

/** Change the parameters without leaving the screen. @param {Record<string, string>} given */
export function remember(given) {
  history.replaceState(null, "", address(location.hash.split("?")[0], given));
}

/** The page of a subject. @param {string} code */
export function subjectAddress(code) {
  return `#/subjects/${encodeURIComponent(code)}`;
}
