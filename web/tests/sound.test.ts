import { describe, expect, test } from "vitest";
import { mixDown, resample, sourceRate } from "../src/sound";

const sine = (length: number, hertz: number, rate: number) =>
  Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * hertz * n) / rate));

describe("resample", () => {
  const mixed = Float32Array.from(
    { length: 2000 },
    (_, n) => 0.5 * Math.sin(0.05 * n) + 0.3 * Math.sin(1.1 * n),
  );

  test.each([
    [48_000, 22_050, 919, [0.733719, 0.195596, 0.663571, 0.546854, 0.008327]],
    [22_050, 44_100, 4000, [0.768339, 0.717978, 0.595119, 0.437145, -0.447827]],
  ])("from %i to %i Hz as soxr 1.0 in quality HQ", (from, to, length, expected) => {
    const found = resample(mixed, from, to);
    expect(found).toHaveLength(length);
    [300, 301, 302, 303, 457].forEach((at, index) => {
      expect(found[at]).toBeCloseTo(expected[index], 4);
    });
  });

  test("a tone stays what it is", () => {
    const found = resample(sine(48_000, 440, 48_000), 48_000, 22_050);
    const expected = sine(22_050, 440, 22_050);
    for (let n = 1000; n < 21_000; n++) expect(Math.abs(found[n] - expected[n])).toBeLessThan(1e-5);
  });

  test("what the new rate cannot hold is gone", () => {
    const found = resample(sine(48_000, 15_000, 48_000), 48_000, 22_050);
    expect(Math.max(...found.subarray(1000, 21_000).map(Math.abs))).toBeLessThan(1e-5);
  });

  test("at the same rate nothing is done", () => {
    expect(resample(mixed, 22_050, 22_050)).toBe(mixed);
  });
});

describe("mixDown", () => {
  const tone = sine(1000, 440, 8_000);
  const opposite = tone.map((value) => -value);
  const silent = new Float32Array(1000);

  test("the mean of channels", () => {
    const { samples, notes } = mixDown([Float32Array.of(1, 0), Float32Array.of(0.5, 0.25)], 8_000, "a");
    expect([...samples]).toEqual([0.75, 0.125]);
    expect(notes).toEqual([]);
  });

  test("opposite channels do not cancel", () => {
    const { samples, notes } = mixDown([tone, opposite], 8_000, "a");
    expect(samples).toEqual(tone);
    expect(notes).toEqual([
      "its channels are opposite in sign, so that they would cancel; inverted",
    ]);
  });

  test("a silent channel does not weaken the other", () => {
    const { samples, notes } = mixDown([tone, silent], 8_000, "a");
    expect(samples).toEqual(tone);
    expect(notes).toEqual(["1 of its 2 channels are silent and left out"]);
  });

  test("samples in the range of integers are scaled", () => {
    const { samples, notes } = mixDown([Float32Array.of(16_384, -8_192)], 8_000, "a");
    expect([...samples]).toEqual([0.5, -0.25]);
    expect(notes[0]).toContain("its samples reach 16,384, not 1: taken for 16-bit integers");
  });

  test("what is no sound is refused in one line", () => {
    expect(() => mixDown([new Float32Array(0)], 8_000, "a.wav")).toThrow("a.wav holds no samples");
    expect(() => mixDown([Float32Array.of(0, NaN)], 2, "a.wav")).toThrow(
      "a.wav holds a NaN or infinite sample at 0.500 s",
    );
    expect(() => mixDown([Float32Array.of(1e20)], 8_000, "a.wav")).toThrow("has samples of 1.00e+20");
  });
});

describe("sourceRate", () => {
  const bytes = (...parts: (string | number)[]) =>
    Uint8Array.from(
      parts.flatMap((part) =>
        typeof part === "number" ? [part] : [...part].map((letter) => letter.charCodeAt(0)),
      ),
    );
  const zeros = (count: number) => Array<number>(count).fill(0);

  test.each([
    // 44,100 is 0xac44, 22,050 is 0x5622, 48,000 is 0xbb80.
    ["wav", bytes("RIFF", ...zeros(4), "WAVE", "fmt ", 16, 0, 0, 0, 1, 0, 1, 0, 0x22, 0x56, 0, 0), 22_050],
    ["a chunk before", bytes("RIFF", ...zeros(4), "WAVE", "JUNK", 2, 0, 0, 0, 0, 0, "fmt ", 16, 0, 0, 0, 1, 0, 1, 0, 0x44, 0xac, 0, 0), 44_100],
    ["flac", bytes("fLaC", ...zeros(14), 0x0a, 0xc4, 0x40, 0, 0), 44_100],
    ["ogg vorbis", bytes("OggS", ...zeros(24), 1, "vorbis", 0, 0, 0, 0, 2, 0x44, 0xac, 0, 0), 44_100],
    ["ogg opus", bytes("OggS", ...zeros(24), "OpusHead", ...zeros(8)), 48_000],
    ["mp3", bytes(0xff, 0xfb, 0x90, 0x00), 44_100],
    ["mp3 of MPEG-2 behind a tag", bytes("ID3", 3, 0, 0, 0, 0, 0, 2, 0, 0, 0xff, 0xf3, 0x90, 0x00), 22_050],
    ["aac", bytes(0xff, 0xf1, 0x50, 0x80), 44_100],
    ["m4a", bytes(0, 0, 0, 8, "ftyp", "stsd", "mp4a", ...zeros(24), 0xbb, 0x80, 0, 0), 48_000],
    ["words", bytes("these are words"), undefined],
    ["nothing", bytes(), undefined],
    ["too little", bytes("fLaC", 0), undefined],
  ])("of %s", (_, content, expected) => {
    expect(sourceRate(content)).toBe(expected);
  });
});
