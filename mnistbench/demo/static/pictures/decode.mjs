// Opening pictures: what is in a file as pixels, upright and of a bounded size; as mnistbench/pictures/decode.py.
//
// The browser decodes, and turns by EXIF. Its canvas keeps colours multiplied by their opacity, so that those of nearly
// transparent pixels come back coarser than Python sees them.

const LONGEST = 1024;
const MOST_PIXELS = 64_000_000;

/**
 * A picture as { width, height, pixels, bitmap }: the upright original's size, its pixels with the longer side at most
 * 1024 as { height, width, data }, and the bitmap to show.
 */
export async function openPicture(file) {
  const bitmap = await decoded(file);
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) {
    throw new Error(`it has ${width}×${height} pixels, more than 64 million; make it smaller first`);
  }
  return { width, height, pixels: smaller(bitmap), bitmap };
}

async function decoded(file) {
  const options = { imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion: "none" };
  try {
    return await createImageBitmap(file, options);
  } catch {
    // Browsers that do not know an option refuse it; those that cannot read the file do so again.
    try {
      return await createImageBitmap(file);
    } catch {
      throw new Error("this browser cannot read it as a picture; give a PNG, JPEG or WebP file");
    }
  }
}

/** The bitmap's pixels, averaged over boxes where it is larger than 1024; read in strips, which any phone has room for. */
function smaller(bitmap) {
  const scale = Math.max(1, Math.max(bitmap.width, bitmap.height) / LONGEST);
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side / scale)));
  const across = boxes(bitmap.width, width);
  const down = boxes(bitmap.height, height);
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = Math.max(...down.map(([first, last]) => last - first));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const data = new Uint8ClampedArray(4 * width * height);
  down.forEach(([first, last], row) => {
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, -first);
    const strip = context.getImageData(0, 0, bitmap.width, last - first).data;
    for (let column = 0; column < width; column += 1) {
      data.set(mean(strip, bitmap.width, last - first, across[column]), 4 * (row * width + column));
    }
  });
  return { width, height, data };
}

/** For each new pixel of a line the old ones whose centres lie in it: [first, last + 1]. */
function boxes(size, newSize) {
  const step = size / newSize;
  return Array.from({ length: newSize }, (_, position) => {
    const first = Math.min(size - 1, Math.ceil(position * step - 0.5));
    return [first, Math.max(first + 1, Math.min(size, Math.ceil((position + 1) * step - 0.5)))];
  });
}

/** The mean of some columns of a strip; a transparent pixel's colour does not count. */
function mean(strip, stride, rows, [first, last]) {
  let [red, green, blue, opacity] = [0, 0, 0, 0];
  for (let row = 0; row < rows; row += 1) {
    for (let pixel = 4 * (row * stride + first); pixel < 4 * (row * stride + last); pixel += 4) {
      const share = strip[pixel + 3];
      red += strip[pixel] * share;
      green += strip[pixel + 1] * share;
      blue += strip[pixel + 2] * share;
      opacity += share;
    }
  }
  if (!opacity) return [0, 0, 0, 0];
  return [red / opacity, green / opacity, blue / opacity, opacity / (rows * (last - first))];
}
