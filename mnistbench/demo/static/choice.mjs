// Which networks stand side by side.

const MOST_AT_FIRST = 4;

/** Fills details with a box for each network; returns a function that gives the ids that are chosen now. */
export function setUpChoice(details, networks, onChange) {
  const fieldset = details.querySelector("fieldset");
  const boxes = networks.map(({ id, notation, title }, number) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = id;
    box.checked = number < MOST_AT_FIRST;
    box.addEventListener("change", () => {
      if (boxes.every((each) => !each.checked)) box.checked = true; // one stays
      onChange();
    });
    label.append(box, ` ${title === notation ? "" : `${title}: `}${id}`);
    fieldset.append(label);
    return box;
  });
  details.hidden = networks.length < 2;
  return () => boxes.filter((box) => box.checked).map((box) => box.value);
}
