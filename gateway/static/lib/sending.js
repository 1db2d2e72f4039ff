/** Sends the videos of a batch one after another, also while other screens are shown. */

import { Problem } from "./api.js";
import { submit } from "./upload.js";

/** The batches that videos are being sent to, by key. @type {Map<string, Sending>} */
const sendings = new Map();

/** The videos of one batch. Dispatches `change` as they proceed. */
export class Sending extends EventTarget {
  /** Share that was sent, of each video by its name; 1 where its run was accepted. @type {Map<string, number>} */
  shares = new Map();
  /** Why a video could not be sent. @type {Map<string, string>} */
  faults = new Map();
  isGoing = false;
  #leaving = new AbortController();
  /** @type {File[]} */
  #waiting = [];

  /** @param {string} batchKey */
  constructor(batchKey) {
    super();
    this.batchKey = batchKey;
  }

  /** That of a batch. @param {string} batchKey */
  static of(batchKey) {
    const known = sendings.get(batchKey) ?? new Sending(batchKey);
    sendings.set(batchKey, known);
    return known;
  }

  /** Send these after those that wait. @param {File[]} files */
  add(files) {
    for (const { name } of files) this.faults.delete(name);
    this.#waiting.push(...files);
    if (!this.isGoing) this.#send();
  }

  /** Send no more. */
  stop() {
    this.#waiting = [];
    this.#leaving.abort();
    this.#leaving = new AbortController();
  }

  async #send() {
    this.isGoing = true;
    addEventListener("beforeunload", ask);
    for (let file = this.#waiting.shift(); file; file = this.#waiting.shift()) {
      try {
        await this.#sendOne(file);
      } catch (error) {
        this.#failed(file, error);
      }
      this.#tell();
    }
    this.isGoing = false;
    if (![...sendings.values()].some(({ isGoing }) => isGoing)) removeEventListener("beforeunload", ask);
    this.#tell();
  }

  /** @param {File} file */
  async #sendOne(file) {
    const { signal } = this.#leaving;
    const sent = (/** @type {number} */ share) => {
      this.shares.set(file.name, share);
      this.#tell();
    };
    sent(0);
    const fields = { batch: this.batchKey, consent: "accepted", video_name: file.name };
    await submit(fields, file, { sent, lost: () => this.#tell() }, signal);
    this.shares.set(file.name, 1);
  }

  /** @param {File} file @param {any} error */
  #failed(file, error) {
    const isThere = error instanceof Problem && error.code === "batch-video-sent";
    if (isThere) return void this.shares.set(file.name, 1);
    this.shares.delete(file.name);
    if (error?.name !== "AbortError") this.faults.set(file.name, error.message);
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Closing the page would end the upload. @param {BeforeUnloadEvent} event */
function ask(event) {
  event.preventDefault();
}
