// Marks where on a picture the digit was found.

import { SIDE } from "./board.mjs";

/** frame is moved onto the box of picture, which stands at a place of the board; hidden where there is none. */
export function showFound(frame, picture, place) {
  frame.hidden = !(picture?.box && place);
  if (frame.hidden) return;
  const { left, top, right, bottom } = picture.box;
  const scale = place.scale * picture.reduction;
  const percent = (length) => `${(100 * length) / SIDE}%`;
  frame.style.left = percent(place.left + left * scale);
  frame.style.top = percent(place.top + top * scale);
  frame.style.width = percent((right - left) * scale);
  frame.style.height = percent((bottom - top) * scale);
}
