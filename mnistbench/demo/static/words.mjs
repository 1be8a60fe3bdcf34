// Numbers and answers as text.

export const DIGIT_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

const MISSING = "–";

/** 0.9973 as 99.7 %; what would round to all or nothing says that it is not quite. */
export function percent(fraction) {
  if (fraction > 0.9995) return ">99.9 %";
  if (fraction < 0.0005) return "<0.1 %";
  return `${(100 * fraction).toFixed(1)} %`;
}

/** An error rate with two digits; 0.0046 as 0.46 %. */
export function errorRate(fraction) {
  return fraction === null ? MISSING : `${(100 * fraction).toFixed(2)} %`;
}

/** 0.0039 to 0.0067 as 0.39–0.67. */
export function interval(low, high) {
  return `${(100 * low).toFixed(2)}–${(100 * high).toFixed(2)}`;
}

export function count(number) {
  return number.toLocaleString("en");
}

export function size(bytes) {
  return bytes < 999_500 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toPrecision(3)} MB`;
}

/** Milliseconds with three digits, in whichever unit reads best. */
export function duration(milliseconds) {
  if (milliseconds >= 999.5) return `${(milliseconds / 1000).toPrecision(3)} s`;
  if (milliseconds >= 0.9995) return `${Number(milliseconds.toPrecision(3))} ms`;
  return `${Number((1000 * milliseconds).toPrecision(3))} µs`;
}

/** How many of the networks say the same as one of them. */
export function agreement(labels, label, names) {
  const others = labels.filter((one) => one !== label);
  if (labels.length < 2) return "";
  if (!others.length) return labels.length === 2 ? "Both networks agree." : `All ${labels.length} networks agree.`;
  const said = [...new Set(others)].map((one) => names[one]).join(" or ");
  const agreeing = labels.length - others.length;
  return `${agreeing} of ${labels.length} networks ${agreeing === 1 ? "says" : "say"} so, the others ${said}.`;
}
