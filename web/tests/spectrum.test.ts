import { describe, expect, test } from "vitest";
import { Fourier, hann, LogMel, PowerSpectra } from "../src/spectrum";

/** By the definition. */
function transform(real: number[], imaginary: number[]): [number, number][] {
  const length = real.length;
  return real.map((_, k) => {
    let x = 0;
    let y = 0;
    for (let n = 0; n < length; n++) {
      const angle = (-2 * Math.PI * k * n) / length;
      x += real[n] * Math.cos(angle) - imaginary[n] * Math.sin(angle);
      y += real[n] * Math.sin(angle) + imaginary[n] * Math.cos(angle);
    }
    return [x, y];
  });
}

const wave = (length: number, speed: number) =>
  Array.from({ length }, (_, n) => Math.sin(speed * n * n + 0.3));

describe("Fourier", () => {
  test.each([1, 2, 8, 15, 49, 64])("of length %i", (length) => {
    const [real, imaginary] = [wave(length, 0.7), wave(length, 0.2)];
    const x = Float64Array.from(real);
    const y = Float64Array.from(imaginary);
    new Fourier(length).run(x, y);
    transform(real, imaginary).forEach(([a, b], k) => {
      expect(x[k]).toBeCloseTo(a, 10);
      expect(y[k]).toBeCloseTo(b, 10);
    });
  });
});

test("spectra of an odd number of frames, of which some reach beyond the ends", () => {
  const samples = wave(40, 0.05);
  const starts = [-6, 10, 34];
  const window = hann(12);
  const found = new PowerSpectra(12).of(samples, starts);
  starts.forEach((start, index) => {
    const frame = Array.from(window, (weight, n) => weight * (samples[start + n] ?? 0));
    const expected = transform(frame, frame.map(() => 0));
    expect(found[index]).toHaveLength(7);
    found[index].forEach((power, k) => {
      expect(power).toBeCloseTo(expected[k][0] ** 2 + expected[k][1] ** 2, 10);
    });
  });
});

describe("LogMel", () => {
  const clip = Float32Array.from({ length: 100 }, (_, n) => 0.4 * Math.sin(0.3 * n));
  const settings = {
    n_fft: 24,
    hop_length: 10,
    frames: 11,
    floor_db: -100,
    scale: "decibels" as "decibels" | "clip",
    bands: [
      [1, [0.5, 0.25]],
      [4, [1, 2, 3]],
    ] as [number, number[]][],
  };

  test("as librosa 0.11 computes it", () => {
    const found = new LogMel(settings).of(clip);
    const expected = { 0: 0.41075, 3: 5.31539, 10: -0.09486, 11: -13.26632, 14: -33.14561 };
    for (const [index, value] of Object.entries(expected)) {
      expect(found[Number(index)]).toBeCloseTo(value, 4);
    }
  });

  test("of silence is the floor", () => {
    expect(new Set(new LogMel(settings).of(new Float32Array(100)))).toEqual(new Set([-100]));
  });

  test("scaled by the clip's own range", () => {
    const found = new LogMel({ ...settings, scale: "clip" }).of(clip);
    expect([Math.min(...found), Math.max(...found)]).toEqual([0, 1]);
    const silent = new LogMel({ ...settings, scale: "clip" }).of(new Float32Array(100));
    expect(new Set(silent)).toEqual(new Set([0]));
  });
});
