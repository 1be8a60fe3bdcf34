// The board that is drawn on: by mouse, touch, pen or keys. Ink is black on white, whatever the page's colours.
//
// Fires "change" while something is drawn, "rest" when a stroke, a key or a command has ended, and "pen" when the
// keyboard's pen may have moved, been put down or been lifted.

export const SIDE = 448;
const STROKE = 32;
const STEP = SIDE / 28;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Board extends EventTarget {
  #canvas;
  #context;
  #pen;
  #strokes = [];
  #picture = null;
  #pointer = null;
  #place = [SIDE / 2, SIDE / 4];
  #down = false;
  #held = new Set();

  /** pen is an element shown where the keyboard's pen is. */
  constructor(canvas, pen) {
    super();
    this.#canvas = canvas;
    this.#pen = pen;
    canvas.width = canvas.height = SIDE;
    this.#context = canvas.getContext("2d", { willReadFrequently: true });
    this.#redraw();
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#follow(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#end(event));
    canvas.addEventListener("keydown", (event) => this.#press(event));
    canvas.addEventListener("keyup", (event) => this.#release(event));
    canvas.addEventListener("blur", () => this.#leave());
    this.#showPen();
  }

  get isEmpty() {
    return !this.#strokes.length && !this.#picture;
  }

  get isBusy() {
    return this.#pointer !== null || this.#held.size > 0;
  }

  /** The drawing as { height, width, data }, four bytes a pixel. */
  get pixels() {
    return this.#context.getImageData(0, 0, SIDE, SIDE);
  }

  /** The keyboard's pen: { isDown, column, row, last }; column and row count from 1 to last. */
  get pen() {
    const [column, row] = this.#place.map((at) => at / STEP);
    return { isDown: this.#down, column, row, last: SIDE / STEP - 1 };
  }

  /** Whether a picture is shown in place of a drawing, and where on the board: { left, top, scale }; else null. */
  get picturePlace() {
    return this.#picture && placed(this.#picture);
  }

  clear() {
    this.#reset();
    this.#tell("change", "rest");
  }

  undo() {
    this.#letGo();
    if (this.#picture) this.#picture = null;
    else this.#strokes.pop();
    this.#redraw();
    this.#tell("change", "rest");
  }

  /** Shows strokes, lists of [x, y] from 0 to 1, in place of what is there. */
  draw(strokes) {
    this.#reset();
    this.#strokes = strokes.map((points) => points.map(([x, y]) => [x * SIDE, y * SIDE, STROKE]));
    this.#redraw();
    this.#tell("change", "rest");
  }

  /** Shows a picture in place of a drawing; what it says is read from the picture, not from the board. */
  show(bitmap) {
    this.#reset();
    this.#picture = bitmap;
    this.#redraw();
  }

  #reset() {
    this.#letGo();
    this.#strokes = [];
    this.#picture = null;
    this.#redraw();
  }

  /** Ends the stroke that is being drawn: a pointer or pen that went on would add to another stroke, or to none. */
  #letGo() {
    this.#pointer = null;
    this.#liftPen();
  }

  #begin(event) {
    if (this.#pointer !== null || event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#letGo();
    this.#pointer = event.pointerId;
    this.#start(this.#point(event));
  }

  #follow(event) {
    if (event.pointerId !== this.#pointer) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length ? passed : [event]) this.#add(this.#point(each));
    this.#tell("change");
  }

  #end(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    this.#tell("rest");
  }

  /** Where on the board an event is, and how wide the stroke is there: a pen's pressure counts. */
  #point(event) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const pressure = event.pointerType === "pen" && event.pressure ? 0.6 + 0.8 * event.pressure : 1;
    return [((event.clientX - left) / width) * SIDE, ((event.clientY - top) / height) * SIDE, STROKE * pressure];
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (key in ARROWS) {
      this.#held.add(key);
      this.#movePen(event.shiftKey ? 3 : 1);
    } else if (key === " ") {
      if (event.repeat) return event.preventDefault();
      this.#pointer = null; // what begins later draws
      this.#down = !this.#down;
      if (this.#down) this.#start([...this.#place, STROKE]);
      this.#showPen();
      this.#tell("change", ...(this.#down ? [] : ["rest"]));
    } else if (key === "Delete" || key === "Backspace") this.clear();
    else if (key.toLowerCase() === "z") this.undo();
    else return undefined;
    return event.preventDefault();
  }

  #release(event) {
    if (this.#held.delete(event.key) && !this.#held.size && this.#down) this.#tell("rest");
  }

  /** The keys are another element's now, also those that are still held. */
  #leave() {
    const ended = this.#down;
    this.#liftPen();
    if (ended) this.#tell("rest");
  }

  /** By a step, aslant where two arrows are held. */
  #movePen(steps) {
    const [x, y] = this.#place;
    let [right, down] = [0, 0];
    for (const key of this.#held) {
      right += ARROWS[key][0];
      down += ARROWS[key][1];
    }
    this.#place = [x + right * steps * STEP, y + down * steps * STEP].map((at) => Math.min(Math.max(at, STEP), SIDE - STEP));
    if (this.#down) {
      this.#add([...this.#place, STROKE]);
      this.#tell("change");
    }
    this.#showPen();
  }

  #liftPen() {
    this.#held.clear();
    this.#down = false;
    this.#showPen();
  }

  #showPen() {
    this.#pen.style.left = `${(100 * this.#place[0]) / SIDE}%`;
    this.#pen.style.top = `${(100 * this.#place[1]) / SIDE}%`;
    this.#pen.classList.toggle("down", this.#down);
    this.#tell("pen");
  }

  /** A stroke takes a picture's place. */
  #start(point) {
    if (this.#picture) {
      this.#picture = null;
      this.#redraw();
    }
    this.#strokes.push([point]);
    this.#line(point, point);
    this.#tell("change");
  }

  #add(point) {
    const stroke = this.#strokes.at(-1);
    this.#line(stroke.at(-1), point);
    stroke.push(point);
  }

  #redraw() {
    const context = this.#context;
    context.fillStyle = "#fff";
    this.#canvas.classList.toggle("picture", Boolean(this.#picture));
    if (this.#picture) {
      const { left, top, scale } = placed(this.#picture);
      const place = [left, top, this.#picture.width * scale, this.#picture.height * scale];
      context.clearRect(0, 0, SIDE, SIDE);
      context.fillRect(...place);
      context.imageSmoothingQuality = "high";
      context.imageSmoothingEnabled = scale < 2;
      context.drawImage(this.#picture, ...place);
      return;
    }
    context.fillRect(0, 0, SIDE, SIDE);
    for (const stroke of this.#strokes) {
      stroke.forEach((point, number) => this.#line(stroke[Math.max(0, number - 1)], point));
    }
  }

  #line([fromX, fromY], [x, y, width]) {
    const context = this.#context;
    context.beginPath();
    if (fromX === x && fromY === y) {
      // Browsers draw nothing for a line without length, round ends or not.
      context.fillStyle = "#000";
      context.arc(x, y, width / 2, 0, 2 * Math.PI);
      context.fill();
      return;
    }
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = "#000";
    context.lineWidth = width;
    context.moveTo(fromX, fromY);
    context.lineTo(x, y);
    context.stroke();
  }

  #tell(...events) {
    for (const name of events) this.dispatchEvent(new Event(name));
  }
}

/** Where a picture stands on the board: as large as it fits, in the middle. */
function placed({ width, height }) {
  const scale = SIDE / Math.max(width, height);
  return { left: (SIDE - width * scale) / 2, top: (SIDE - height * scale) / 2, scale };
}
