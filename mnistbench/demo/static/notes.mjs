// The small print: what the figures are, and what was loaded.

import { size } from "./words.mjs";

/** What the errors are. */
export function errorNote({ networks }) {
  const paper = "Paper’s error: the best on the test images over the epochs, so that they chose the epoch.";
  const seeds = [...new Set(networks.flatMap(({ ours }) => (ours ? [ours.basis] : [])))];
  if (!seeds.length) return paper;
  return `${paper} Our error: after the last epoch, on the same 10,000 images, with a 95% interval; ${seeds.join(" or ")}.`;
}

/** What the first load was, and what comes later. */
export function loadNote({ files, judges, first_load_bytes }) {
  const later = Object.values(files).filter((file) => !file.first);
  const bytes = later.reduce((total, file) => total + file.bytes, 0);
  const first = `The first load was ${size(first_load_bytes)}`;
  if (!later.length) return `${first}.`;
  const refusing = judges.some((id) => !files[id].first);
  const what = refusing ? "and with them the check that it is a digit at all, " : "";
  return `${first}. The larger networks, ${what}come with the first ink, or when they are chosen: ${size(bytes)} more.`;
}

/** Whether what is no digit can be told. */
export function refusalNote({ judges }) {
  if (!judges.length) return "Whether it is a digit at all is not checked for these networks’ classes.";
  return "Whether it is a digit at all is decided as ‘mnistbench predict’ does: by three networks and the ink’s shape.";
}
