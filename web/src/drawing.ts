/** Pixels and outlines on canvases. */

/** Shows [height · width · 3] pixels as they are. */
export function drawPixels(
  canvas: HTMLCanvasElement,
  pixels: Uint8Array,
  height: number,
  width: number,
): void {
  Object.assign(canvas, { width, height });
  const image = new ImageData(withOpacity(pixels), width, height);
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}

/** RGB to RGBA, opaque. */
export function withOpacity(pixels: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const opaque = new Uint8ClampedArray((pixels.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    opaque[to] = pixels[from];
    opaque[to + 1] = pixels[from + 1];
    opaque[to + 2] = pixels[from + 2];
  }
  return opaque;
}

/** [height · width] in [-1, 1], the lowest band first, to gray with the lowest band at the bottom;
 * [height · width · 3], an image already, to RGB as it is. */
export function spectrogramPixels(
  values: Float32Array,
  width: number,
  channels: number,
): Uint8Array {
  const count = values.length / channels;
  const height = count / width;
  const pixels = new Uint8Array(3 * count);
  for (let index = 0; index < count; index++) {
    const row = Math.floor(index / width);
    const shown = channels === 1 ? (height - 1 - row) * width + (index % width) : index;
    for (let color = 0; color < 3; color++) {
      const value = values[index * channels + (color % channels)];
      pixels[3 * shown + color] = Math.round(127.5 * (Math.min(1, Math.max(-1, value)) + 1));
    }
  }
  return pixels;
}

const drawn = new Map<HTMLCanvasElement, [number[], number, number]>();

/** Draw all outlines again, in the colors that the page has now. */
export function redrawOutlines(): void {
  for (const [canvas, values] of drawn) drawOutline(canvas, ...values);
}

/** Draws the outline of a sound; the part from `begin` to `end` (0 to 1) is marked. */
export function drawOutline(
  canvas: HTMLCanvasElement,
  outline: number[],
  begin: number,
  end: number,
): void {
  drawn.set(canvas, [outline, begin, end]);
  const style = getComputedStyle(canvas);
  const context = canvas.getContext("2d")!;
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  const most = Math.max(...outline, 1e-3);
  const step = width / outline.length;
  outline.forEach((level, index) => {
    const at = (index + 0.5) / outline.length;
    const isMarked = at >= begin && at <= end;
    context.fillStyle = style.getPropertyValue(isMarked ? "--accent" : "--wave");
    const tall = Math.max(2, (0.92 * height * level) / most);
    context.fillRect(index * step, (height - tall) / 2, Math.max(1, step - 1), tall);
  });
}
