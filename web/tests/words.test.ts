import { describe, expect, test } from "vitest";
import { spectrogramPixels, withOpacity } from "../src/drawing";
import { lineOf, UserError } from "../src/errors";
import { describe as inWords, type Recognition, warnings } from "../src/recognition";

const quality = { rmsDb: -20, flatness: 0.01, silent: false, noiseLike: false };
const recognized = (violin: number, viola = 0, none = 0, silent = false): Recognition => ({
  labels: ["cello", "viola", "violin"],
  probabilities: [1 - violin - viola - none, viola, violin],
  none,
  silent,
});

describe("the library's words", () => {
  test.each([
    [recognized(0.9), "violin (90%)"],
    [recognized(0.52, 0.31), "violin (52%), viola (31%) or cello (17%)"],
    [recognized(0.2, 0.1, 0.6), "none of the instruments (60%); violin (20%)"],
    [recognized(0.9, 0, 0, true), "silence"],
  ])("for what was recognized", (recognition, expected) => {
    expect(inWords(recognition)).toBe(expected);
  });

  test.each([
    [recognized(0.9), []],
    [
      recognized(0.45, 0.35),
      ["the instrument is a guess (violin (45%), viola (35%) or cello (20%)); set the label if that is wrong"],
    ],
    [
      recognized(0.2, 0.1, 0.6),
      ["it sounds like none of the 3 instruments; the image shows 'violin'; set the label if that is wrong"],
    ],
    [
      recognized(0.9, 0, 0, true),
      ["silent: no instrument can be recognized; 'violin' is a guess: set the label"],
    ],
  ])("of warning for a recognition", (recognition, expected) => {
    expect(warnings([], 0, quality, recognition)).toEqual(expected);
  });

  test("of warning for a clip", () => {
    const silent = { ...quality, rmsDb: -80.2, silent: true };
    expect(warnings(["a note"], 0.2, silent, null)).toEqual([
      "a note",
      "shorter than a clip; 0.20 s of silence were added",
      "silent (-80 dB of full scale); the image is a guess",
    ]);
    const noise = { ...quality, flatness: 0.6, noiseLike: true };
    expect(warnings([], 0, noise, null)).toEqual([
      "more like noise than notes (flatness 0.60); the image is a guess",
    ]);
  });
});

test("errors are one line", () => {
  expect(lineOf(new UserError("The model is damaged."))).toBe("The model is damaged.");
  expect(lineOf(new Error("no room\n  at x"))).toBe(
    "Something went wrong (no room): load the page again.",
  );
});

test("pixels become opaque", () => {
  expect([...withOpacity(Uint8Array.of(1, 2, 3, 4, 5, 6))]).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
});

test("a spectrogram's lowest band is at the bottom", () => {
  const gray = spectrogramPixels(Float32Array.of(-1, 0, 1, 2), 2, 1);
  expect([...gray]).toEqual([255, 255, 255, 255, 255, 255, 0, 0, 0, 128, 128, 128]);
  expect([...spectrogramPixels(Float32Array.of(-1, 0, 1), 1, 3)]).toEqual([0, 128, 255]);
});
