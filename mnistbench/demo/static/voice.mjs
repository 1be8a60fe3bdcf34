// What a screen reader is told of the keyboard's pen: that it is down or up, and where.
//
// It speaks in a live region of its own and well before the answer is spoken there, which waits until nothing follows.

const SPOKEN_AFTER = 250; // milliseconds, so that an arrow held down is not followed step by step

/** Says in region, a live one, what becomes of board's pen. */
export function setUpVoice(region, board) {
  let known = board.pen;
  let timer = 0;
  const say = (text) => {
    region.textContent = text;
  };
  board.addEventListener("pen", () => {
    const before = known;
    known = board.pen;
    const { isDown, column, row, last } = known;
    if (isDown !== before.isDown) {
      clearTimeout(timer);
      say(`Pen ${isDown ? "down" : "up"}, column ${column} of ${last}, row ${row} of ${last}.`);
    } else if (column !== before.column || row !== before.row) {
      clearTimeout(timer);
      timer = setTimeout(say, SPOKEN_AFTER, `Column ${column}, row ${row}.`);
    }
  });
}
