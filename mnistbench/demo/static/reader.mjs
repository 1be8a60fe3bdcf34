// The networks behind one question: what is on these 784 pixels, and is it a digit at all?

import { openEngine } from "./engine.mjs";
import { fetchPacked } from "./fetching.mjs";
import { digitScore } from "./pictures/refuse.mjs";

export class Reader {
  #facts;
  #refusal;
  #engine = null;
  #contents = new Map();
  #calls = new Map();

  /** facts is what demo.json says, refusal what refusal.json says. */
  constructor(facts, refusal) {
    this.#facts = facts;
    this.#refusal = refusal;
  }

  get kind() {
    return this.#engine?.kind;
  }

  /** What each network is asked by, for whoever times it. */
  get inTurn() {
    return this.#engine.inTurn;
  }

  call(id) {
    return this.#calls.get(id);
  }

  /** Whether what is no digit can be told: all judges have come. */
  get canRefuse() {
    return this.#facts.judges.length > 0 && this.#facts.judges.every((id) => this.#calls.has(id));
  }

  /** Opens a runtime, with the networks in it that were loaded before; the old one stays until the new one works. */
  async open(kind, progress) {
    const engine = await openEngine(kind, this.#facts.runtimes[kind], progress);
    const calls = new Map();
    for (const [id, content] of this.#contents) calls.set(id, await engine.load(content));
    this.#engine = engine;
    this.#calls = calls;
  }

  /** Fetches networks' files; they may come before the runtime does. */
  async fetch(ids, progress) {
    const missing = ids.filter((id) => !this.#contents.has(id));
    for (const id of missing) progress?.expect(this.#facts.files[id].bytes);
    await Promise.all(missing.map(async (id) => {
      this.#contents.set(id, await fetchPacked(this.#facts.files[id].path, progress));
    }));
  }

  /** Loads networks into the runtime. */
  async load(ids, progress) {
    await this.fetch(ids, progress);
    const engine = this.#engine;
    for (const id of ids) {
      if (!this.#calls.has(id)) this.#calls.set(id, await engine.load(this.#contents.get(id)));
    }
  }

  /**
   * The answers to what prepare found: { probabilities, score }.
   *
   * probabilities is a Map with the ten of each loaded network of ids; score says how much it is a digit, from 0 on it
   * is one, and is null where that cannot be told yet.
   */
  async read(prepared, ids) {
    const [probabilities, logits] = [new Map(), new Map()];
    const judges = this.canRefuse ? this.#facts.judges : [];
    for (const id of new Set([...ids.filter((one) => this.#calls.has(one)), ...judges])) {
      const answer = await this.inTurn(() => this.#calls.get(id)(prepared.pixels));
      if (ids.includes(id)) probabilities.set(id, answer.probabilities);
      logits.set(id, answer.logits);
    }
    const score = judges.length ? digitScore(this.#refusal, prepared.shape, judges.map((id) => logits.get(id))) : null;
    return { probabilities, score };
  }
}
