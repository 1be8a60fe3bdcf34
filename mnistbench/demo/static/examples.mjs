// Strokes to look at without drawing any: the ten digits, and two shapes that are none.

/** Points on an arc of an ellipse; angles in turns, clockwise from the right. */
function arc(x, y, rx, ry, from, to) {
  const count = 32;
  return Array.from({ length: count + 1 }, (_, number) => {
    const angle = 2 * Math.PI * (from + ((to - from) * number) / count);
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });
}

/** Name, what a screen reader calls it, and strokes: lists of [x, y] from 0 to 1. */
export const EXAMPLES = [
  ["0", "zero", [arc(0.5, 0.5, 0.19, 0.28, 0.7, 1.7)]],
  ["1", "one", [[[0.42, 0.32], [0.53, 0.22], [0.5, 0.78]]]],
  ["2", "two", [[...arc(0.49, 0.37, 0.17, 0.15, 0.52, 1.08), [0.32, 0.76], [0.7, 0.75]]]],
  ["3", "three", [[...arc(0.47, 0.36, 0.17, 0.14, 0.58, 1.2), ...arc(0.46, 0.63, 0.2, 0.16, 0.8, 1.42)]]],
  ["4", "four", [[[0.4, 0.22], [0.32, 0.53], [0.71, 0.52]], [[0.61, 0.3], [0.57, 0.79]]]],
  ["5", "five", [[[0.67, 0.23], [0.4, 0.23], [0.37, 0.47], ...arc(0.48, 0.6, 0.19, 0.17, 0.7, 1.4)]]],
  ["6", "six", [[[0.6, 0.2], [0.45, 0.35], [0.36, 0.55], ...arc(0.5, 0.62, 0.15, 0.16, 0.5, -0.55)]]],
  ["7", "seven", [[[0.31, 0.25], [0.68, 0.25], [0.56, 0.48], [0.46, 0.79]]]],
  ["8", "eight", [[...arc(0.5, 0.36, 0.14, 0.14, 0.25, 1.25), ...arc(0.5, 0.65, 0.17, 0.15, 0.75, 1.75)]]],
  ["9", "nine", [[...arc(0.48, 0.38, 0.16, 0.16, 0, -1), [0.63, 0.5], [0.57, 0.8]]]],
  ["A", "the letter A", [[[0.28, 0.78], [0.5, 0.22], [0.72, 0.78]], [[0.37, 0.58], [0.63, 0.58]]]],
  ["☺", "a smiling face", [
    arc(0.5, 0.5, 0.34, 0.34, 0, 1), arc(0.5, 0.53, 0.17, 0.14, 0.05, 0.45),
    [[0.38, 0.4], [0.38, 0.43]], [[0.62, 0.4], [0.62, 0.43]],
  ]],
];

export function setUpExamples(group, board) {
  for (const [name, spoken, strokes] of EXAMPLES) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.setAttribute("aria-label", `Example: ${spoken}`);
    button.addEventListener("click", () => board.draw(strokes));
    group.append(button);
  }
}
