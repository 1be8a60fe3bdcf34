// The networks side by side: ten bars, latency and what is known of each, as one table.

import { count, duration, errorRate, interval, percent, size } from "./words.mjs";

const FACTS = ["Latency here", "Parameters", "Paper’s error", "Our error", "File"];

/** A table with a column for each network; its bars are empty until show is called. */
export class NetworkTable {
  #columns;
  #table;

  constructor(table, { networks, labels }) {
    this.#columns = networks.map((network) => column(network, labels));
    const head = section("thead", [""], this.#columns.map((each) => [each.head]));
    const bars = section("tbody", labels, this.#columns.map((each) => each.bars));
    const facts = section("tbody", FACTS, this.#columns.map((each) => each.facts));
    bars.className = "bars";
    facts.className = "facts";
    table.append(head, bars, facts);
    this.#table = table;
  }

  /** Shows the networks of these ids only. */
  choose(ids) {
    this.#table.style.setProperty("--columns", ids.length);
    for (const { id, head, bars, facts } of this.#columns) {
      for (const each of [head, ...bars, ...facts]) each.hidden = !ids.includes(id);
    }
  }

  /** Fills in the bars from a Map of ten probabilities by id; networks without an answer get none. */
  show(probabilities, refused) {
    for (const { id, bars } of this.#columns) {
      const values = probabilities.get(id);
      const best = values ? values.indexOf(Math.max(...values)) : -1;
      bars.forEach((bar, label) => {
        bar.style.setProperty("--p", values ? values[label] : 0);
        bar.firstChild.textContent = values ? percent(values[label]) : "";
        bar.classList.toggle("little", Boolean(values) && values[label] < 0.0005);
        bar.classList.toggle("best", label === best);
        bar.classList.toggle("refused", label === best && refused);
      });
    }
  }

  /** Milliseconds of a call, or a text in their place. */
  showLatency(id, latency) {
    const { facts } = this.#columns.find((each) => each.id === id);
    facts[0].textContent = typeof latency === "number" ? duration(latency) : latency;
  }
}

/** A network's cells from top to bottom. */
function column(network, labels) {
  const head = document.createElement("th");
  head.scope = "col";
  const notation = element("span", "notation");
  // Broken behind a dash, and nowhere else.
  notation.append(...network.notation.split(/(?<=-)/).flatMap((part) => [part, document.createElement("wbr")]));
  head.append(element("span", "title", network.title.replace("convolu", "convolu\u00ad")), notation);
  const bars = labels.map(() => {
    const bar = document.createElement("td");
    bar.append(document.createElement("span"));
    return bar;
  });
  const { paper, ours } = network;
  const facts = [
    element("td", "", "–"),
    element("td", "", count(network.num_parameters)),
    known(errorRate(paper?.error ?? null), paper && `table ${paper.table}`),
    known(errorRate(ours?.error ?? null), ours && interval(ours.low, ours.high)),
    element("td", "", size(network.size_bytes)),
  ];
  return { id: network.id, head, bars, facts };
}

/** A figure with a smaller text below. */
function known(figure, more) {
  const cell = element("td", "", figure);
  if (more) cell.append(element("small", "", more));
  return cell;
}

/** Rows with their titles, of columns that have a cell for each. */
function section(name, titles, columns) {
  const body = document.createElement(name);
  titles.forEach((title, number) => {
    const row = document.createElement("tr");
    const first = element(title ? "th" : "td", "", title);
    if (title) first.scope = "row";
    row.append(first, ...columns.map((cells) => cells[number]));
    body.append(row);
  });
  return body;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
