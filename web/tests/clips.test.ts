import { describe, expect, test } from "vitest";
import {
  cutClip,
  loudestStart,
  loudnessFilter,
  measureQuality,
  octaveFlatness,
  outline,
  recognitionWindows,
  roundHalfEven,
  withoutOffset,
} from "../src/clips";

const RATE = 22_050;
const CLIP = 11_025;
const tone = (length: number, hertz: number, level: number, rate = RATE) =>
  Float32Array.from({ length }, (_, n) => level * Math.sin((2 * Math.PI * hertz * n) / rate));

/** Noise that the library's tests could make, too. */
function noise(length: number): Float32Array {
  let state = 1n;
  return Float32Array.from({ length }, () => {
    state = (state * 1103515245n + 12345n) % 2n ** 31n;
    return Number(state) / 2 ** 30 - 1;
  });
}

test.each([
  [0.5, 0],
  [1.5, 2],
  [220.5, 220],
  [2.4, 2],
  [2.6, 3],
])("%f is rounded to %i, as Python does", (value, expected) => {
  expect(roundHalfEven(value)).toBe(expected);
});

describe("loudestStart", () => {
  test("of a loud second within soft sound", () => {
    const sound = tone(4 * RATE, 440, 0.01);
    sound.set(tone(RATE, 440, 0.5), 2 * RATE);
    const start = loudestStart(sound, CLIP, RATE);
    expect(start).toBeGreaterThanOrEqual(2 * RATE);
    expect(start).toBeLessThanOrEqual(3 * RATE - CLIP);
    expect(start % 220).toBe(0);
  });

  test("what can hardly be heard gives way to what can, as in the library", () => {
    const sound = new Float32Array(3 * RATE);
    sound.set(tone(RATE, 6, 0.8));
    for (let n = Math.ceil(2 * RATE); n < 2.6 * RATE; n++) {
      sound[n] = 0.2 * Math.sin((2 * Math.PI * 880 * n) / RATE);
    }
    expect(loudestStart(sound, CLIP, RATE)).toBe(44_220);
  });

  test("a sound that is no longer than a clip begins at 0", () => {
    expect(loudestStart(tone(CLIP, 440, 0.1), CLIP, RATE)).toBe(0);
  });
});

test("the loudness filter has the coefficients of the library's", () => {
  const [, , highPass, shelf] = loudnessFilter(RATE);
  [1, -2, 1, 1, -1.9783976, 0.97851442].forEach((expected, index) =>
    expect(highPass[index]).toBeCloseTo(expected, 7),
  );
  [1.47982535, -2.17072861, 0.86084248, 1, -1.33830534, 0.50824456].forEach((expected, index) =>
    expect(shelf[index]).toBeCloseTo(expected, 7),
  );
});

test("a large offset is taken out, a small one stays", () => {
  const small = tone(RATE, 441, 0.5).map((value) => value + 0.01);
  expect(withoutOffset(small)).toBe(small);
  const large = withoutOffset(tone(RATE, 441, 0.1).map((value) => value + 0.4));
  expect(Math.abs(large.reduce((a, b) => a + b) / large.length)).toBeLessThan(1e-6);
});

test("a clip beyond the end is padded with zeros", () => {
  expect([...cutClip(Float32Array.of(1, 2, 3), 1, 4)]).toEqual([2, 3, 0, 0]);
});

describe("recognitionWindows", () => {
  test("overlap by half", () => {
    expect(recognitionWindows(tone(4 * CLIP, 440, 0.1), CLIP)).toHaveLength(7);
    expect(recognitionWindows(tone(100, 440, 0.1), CLIP)).toHaveLength(1);
    expect(recognitionWindows(tone(100 * CLIP, 440, 0.1), CLIP)).toHaveLength(64);
  });

  test("without those 30 dB below the loudest", () => {
    const sound = new Float32Array(4 * CLIP);
    sound.set(tone(CLIP, 440, 0.5));
    sound.set(tone(CLIP, 440, 0.5 * 10 ** (-31 / 20)), 3 * CLIP);
    expect(recognitionWindows(sound, CLIP)).toHaveLength(2);
  });
});

describe("quality", () => {
  test("flatness as the library measures it", () => {
    expect(octaveFlatness(noise(4000), 8_000)).toBeCloseTo(0.5664020688, 6);
    expect(octaveFlatness(tone(4000, 440, 0.3, 8_000), 8_000)).toBeLessThan(1e-6);
    expect(octaveFlatness(new Float32Array(4000), 8_000)).toBe(0);
  });

  test("silence, noise and notes", () => {
    const measure = (clip: Float32Array) => measureQuality(clip, 8_000, -50, 0.2);
    expect(measure(new Float32Array(4000))).toMatchObject({ silent: true, rmsDb: -120 });
    expect(measure(noise(4000))).toMatchObject({ silent: false, noiseLike: true });
    const note = measure(tone(4000, 440, 0.1, 8_000));
    expect(note).toMatchObject({ silent: false, noiseLike: false });
    expect(note.rmsDb).toBeCloseTo(-20 - 10 * Math.log10(2), 2);
    const offset = new Float32Array(4000).fill(0.5); // is not heard
    expect(measure(offset).silent).toBe(true);
  });
});

test("an outline has the greatest magnitude of each part", () => {
  expect(outline(Float32Array.of(0.25, -0.5, 0.125, 0), 2)).toEqual([0.5, 0.125]);
});
