/** The page's only connection to the server: the public API, with its problems (RFC 9457) as errors. */

import { t } from "../texts.js";
import { readMotion } from "./motion.js";
import { faultText, problemText } from "./problems.js";

/** The server refused; `message` says why in the page's language, `fields` the fault of each form field. */
export class Problem extends Error {
  /** @param {{status: number, code: string, detail: string, errors?: {field: string, detail: string}[]}} body */
  constructor(body) {
    super(problemText(body));
    this.status = body.status;
    this.code = body.code;
    /** @type {Map<string, string>} */
    this.fields = new Map((body.errors ?? []).map((error) => [error.field, faultText(error)]));
  }

  /** Whether an unchanged retry may succeed later. */
  get passing() {
    return [502, 503, 504].includes(this.status);
  }
}

/** No answer: the server or the connection is down, possibly temporarily. */
export class Unreachable extends Error {
  passing = true;
}

const KEY = "humanpose3d-key";
/** @type {() => Promise<string>} */
let askForKey = () => Promise.reject(new Error("nobody can be asked for an API key"));
/** @type {Promise<void> | null} */
let asking = null;

/** @param {() => Promise<string>} ask called when the server wants a key, or another one than it got */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

/** @type {string | null} */
let share = null;

/** While a link is shown, all calls are made with its token, and none with an API key. @param {string | null} token */
export function useShare(token) {
  share = token;
}

/** Headers that identify the client. @returns {Record<string, string>} */
export function authorization() {
  const key = share ?? sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Whether requests carry an API key or a link's token, which media elements and links cannot. */
export function hasKey() {
  return "Authorization" in authorization();
}

async function renewKey() {
  asking ??= askForKey()
    .then((key) => sessionStorage.setItem(KEY, key))
    .finally(() => (asking = null));
  await asking;
}

/**
 * One call. Raises Problem where the server refuses, Unreachable where it does not answer.
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function call(path, init = {}) {
  const answer = await reach(path, { ...init, headers: { ...authorization(), ...init.headers } });
  if (answer.ok) return answer;
  if (answer.status === 401) {
    await renewKey();
    return call(path, init);
  }
  throw problemOf(answer.status, answer.headers.get("content-type") ?? "", await answer.text());
}

/** @param {string} path @param {RequestInit} init */
async function reach(path, init) {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable(t("unreachable"));
  }
}

/** What a refusal says. @param {number} status @param {string} type of the content @param {string} text */
export function problemOf(status, type, text) {
  if (type.startsWith("application/problem+json")) return new Problem(JSON.parse(text));
  return new Problem({ status, code: "http-error", detail: t("http_error", { status }) });
}

/** @param {string} path @param {RequestInit} [init] */
export async function json(path, init) {
  return (await call(path, init)).json();
}

/** The motion of a run. @param {string} runKey @param {AbortSignal} signal */
export async function motion(runKey, signal) {
  return readMotion(await (await call(`${runPath(runKey)}motion`, { signal })).arrayBuffer());
}

/**
 * An address that a media element or a link can use. With an API key the file is fetched first, since they send none;
 * it is released when the signal is aborted.
 * @param {string} path
 * @param {AbortSignal} signal
 */
export async function reachable(path, signal) {
  if (!hasKey()) return path;
  const blob = await (await call(path, { signal })).blob();
  const url = URL.createObjectURL(blob);
  signal.addEventListener("abort", () => URL.revokeObjectURL(url));
  return url;
}

/** @typedef {{runs: any[], next_cursor: string | null}} RunPage */

/**
 * Runs that fit all filters, newest first: the page that begins at the cursor, or the first.
 * @param {Record<string, string>} filters as the API names them; empty ones are left out
 * @param {{limit: number, cursor?: string | null}} part
 * @param {AbortSignal} signal
 * @returns {Promise<RunPage>}
 */
export function runPage(filters, { limit, cursor }, signal) {
  const given = Object.entries({ ...filters, cursor: cursor ?? "" }).filter(([, value]) => value);
  return json(`/api/runs/?${new URLSearchParams([["limit", String(limit)], ...given])}`, { signal });
}

/** Change what is known about a run. @param {string} runKey @param {Record<string, any>} change */
export function changeRun(runKey, change) {
  return json(runPath(runKey), sending("PATCH", change));
}

/** A request with a JSON body. @param {string} method @param {any} body @returns {RequestInit} */
export function sending(method, body) {
  return { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

/** Of a run in the API; while a link is shown, of its run. @param {string} runKey */
export function runPath(runKey) {
  return share ? "/api/v1/shared/" : `/api/runs/${encodeURIComponent(runKey)}/`;
}
