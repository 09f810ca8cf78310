/** Which half second an image is made from, and whether it is silence or noise: the choices of the
 * library's `audio/clips.py`, `audio/quality.py` and `inference/generator.py`. */

import { Fourier, PowerSpectra } from "./spectrum";

/** Windows whose energies differ by less than this fraction are equally loud. */
const TIE = 1e-6;
const AUDIBLE_ENOUGH = 0.5;
const OFFSET_POWER = 0.1;
const LOWEST_AUDIBLE = 20;
const HIGHEST_AUDIBLE = 16_000;
const BUTTERWORTH_QUALITIES = [1, 3].map((k) => 1 / (2 * Math.cos((k * Math.PI) / 8)));
/** A root mean square below this is silence. */
const SILENCE = 2 ** -24;
/** Seconds between the windows that are compared in search of the loudest one. */
const LOUDNESS_HOP_SECONDS = 0.01;
const RECOGNITION_WINDOWS = 64;
const BELOW_LOUDEST_DB = 30;
const SILENCE_FLOOR_DB = -120;
const WINDOW_SECONDS = 0.5;
const LOWEST_HZ = 20;
const LEAST_BINS = 8;
const TINY = 1e-30;

export interface Quality {
  rmsDb: number;
  flatness: number;
  silent: boolean;
  noiseLike: boolean;
}

/** To the nearest integer, halves to the even one, as Python and NumPy round. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

export function rootMeanSquare(samples: Float32Array): number {
  let sum = 0;
  for (let n = 0; n < samples.length; n++) sum += samples[n] * samples[n];
  return Math.sqrt(sum / samples.length);
}

function mean(samples: Float32Array): number {
  let sum = 0;
  for (let n = 0; n < samples.length; n++) sum += samples[n];
  return sum / samples.length;
}

/** The samples without their mean, where that is inaudible but counts as loudness. */
export function withoutOffset(samples: Float32Array): Float32Array {
  const offset = mean(samples);
  if (offset ** 2 <= OFFSET_POWER * rootMeanSquare(samples) ** 2) return samples;
  const shift = Math.fround(offset);
  return samples.map((value) => value - shift);
}

/** One clip; zeros follow where the sound ends early. */
export function cutClip(samples: Float32Array, start: number, length: number): Float32Array {
  const clip = new Float32Array(length);
  clip.set(samples.subarray(start, start + length));
  return clip;
}

/** Where the loudest clip begins, in samples; by loudness where its energy is hardly audible. */
export function loudestStart(samples: Float32Array, length: number, rate: number): number {
  if (samples.length <= length) return 0;
  const hop = roundHalfEven(LOUDNESS_HOP_SECONDS * rate);
  const starts: number[] = [];
  for (let start = 0; start + length <= samples.length; start += hop) starts.push(start);
  const energies = windowEnergies(samples, starts, length);
  let loudest = firstOfMost(energies);
  const sections = loudnessFilter(rate);
  const window = samples.subarray(starts[loudest], starts[loudest] + length);
  if (audibleFraction(window, sections) < AUDIBLE_ENOUGH) {
    const weighted = windowEnergies(filtered(samples, sections), starts, length);
    const most = weighted.reduce((a, b) => Math.max(a, b));
    if (weighted[loudest] < AUDIBLE_ENOUGH * most) loudest = firstOfMost(weighted);
  }
  return starts[loudest];
}

function windowEnergies(samples: ArrayLike<number>, starts: number[], length: number): number[] {
  const before = new Float64Array(samples.length + 1);
  for (let n = 0; n < samples.length; n++) before[n + 1] = before[n] + samples[n] * samples[n];
  return starts.map((start) => before[start + length] - before[start]);
}

function firstOfMost(energies: number[]): number {
  const most = energies.reduce((a, b) => Math.max(a, b));
  return energies.findIndex((energy) => energy >= most * (1 - TIE));
}

/** K-weighting of ITU-R BS.1770-5 from 20 Hz to 16 kHz, as second-order sections b0 b1 b2 a0 a1 a2. */
export function loudnessFilter(rate: number): number[][] {
  const sections: number[][] = [];
  let frequency = Math.tan((Math.PI * LOWEST_AUDIBLE) / rate);
  for (const quality of BUTTERWORTH_QUALITIES) {
    const gain = 1 / (1 + frequency / quality + frequency ** 2);
    sections.push([gain, -2 * gain, gain, ...poles(frequency, quality)]);
  }
  frequency = Math.tan((Math.PI * 38.13547087602444) / rate);
  sections.push([1, -2, 1, ...poles(frequency, 0.5003270373238773)]);
  if (rate > 2.2 * 1681.974450955533) {
    frequency = Math.tan((Math.PI * 1681.974450955533) / rate);
    const quality = 0.7071752369554196;
    const high = 10 ** (3.999843853973347 / 20);
    const band = (high ** 0.4996667741545416 * frequency) / quality;
    const scale = 1 + frequency / quality + frequency ** 2;
    const zeros = [
      high + band + frequency ** 2,
      2 * (frequency ** 2 - high),
      high - band + frequency ** 2,
    ];
    sections.push([...zeros.map((zero) => zero / scale), ...poles(frequency, quality)]);
  }
  if (rate > 2.2 * HIGHEST_AUDIBLE) {
    frequency = Math.tan((Math.PI * HIGHEST_AUDIBLE) / rate);
    for (const quality of BUTTERWORTH_QUALITIES) {
      const gain = frequency ** 2 / (1 + frequency / quality + frequency ** 2);
      sections.push([gain, 2 * gain, gain, ...poles(frequency, quality)]);
    }
  }
  return sections;
}

function poles(frequency: number, quality: number): number[] {
  const scale = 1 + frequency / quality + frequency ** 2;
  const last = (1 - frequency / quality + frequency ** 2) / scale;
  return [1, (2 * (frequency ** 2 - 1)) / scale, last];
}

function filtered(samples: Float32Array, sections: number[][]): Float64Array {
  const out = Float64Array.from(samples);
  let first = samples[0]; // as if it had been so before
  for (const [b0, b1, b2, , a1, a2] of sections) {
    const settled = ((b0 + b1 + b2) / (1 + a1 + a2)) * first;
    let s1 = settled - b0 * first;
    let s2 = b2 * first - a2 * settled;
    for (let n = 0; n < out.length; n++) {
      const x = out[n];
      const y = b0 * x + s1;
      s1 = b1 * x - a1 * y + s2;
      s2 = b2 * x - a2 * y;
      out[n] = y;
    }
    first = settled;
  }
  return out;
}

/** The fraction of a window's energy that a filter leaves, from its spectrum. */
function audibleFraction(window: Float32Array, sections: number[][]): number {
  const real = Float64Array.from(window);
  const imaginary = new Float64Array(window.length);
  new Fourier(window.length).run(real, imaginary);
  let total = 0;
  let kept = 0;
  const bins = 1 + (window.length >> 1);
  for (let k = 0; k < bins; k++) {
    const power = real[k] ** 2 + imaginary[k] ** 2;
    const angle = (Math.PI * k) / (bins - 1);
    let response = 1;
    for (const [b0, b1, b2, a0, a1, a2] of sections) {
      response *= magnitude(b0, b1, b2, angle) / magnitude(a0, a1, a2, angle);
    }
    total += power;
    kept += power * response;
  }
  return kept / Math.max(total, SILENCE);
}

/** |c0 + c1 z + c2 z²|² at z = exp(-i · angle). */
function magnitude(c0: number, c1: number, c2: number, angle: number): number {
  const real = c0 + c1 * Math.cos(angle) + c2 * Math.cos(2 * angle);
  const imaginary = c1 * Math.sin(angle) + c2 * Math.sin(2 * angle);
  return real ** 2 + imaginary ** 2;
}

/** Half seconds all over a sound, without the soft ones: what its instrument is recognized from. */
export function recognitionWindows(samples: Float32Array, length: number): Float32Array[] {
  const last = Math.max(0, samples.length - length);
  const count = Math.min(RECOGNITION_WINDOWS, 1 + Math.floor((2 * last) / length));
  const starts = new Set<number>();
  for (let n = 0; n < count; n++) {
    starts.add(count === 1 ? 0 : roundHalfEven((last * n) / (count - 1)));
  }
  const windows = [...starts].map((start) => cutClip(samples, start, length));
  const loudness = windows.map(rootMeanSquare);
  const least = Math.max(...loudness) * 10 ** (-BELOW_LOUDEST_DB / 20);
  return windows.filter((_, index) => loudness[index] >= least);
}

export function measureQuality(
  clip: Float32Array,
  rate: number,
  silenceRmsDb: number,
  noiseFlatness: number,
): Quality {
  const flatness = octaveFlatness(clip, rate);
  const offset = mean(clip); // an offset is not heard
  const silent = toDb(rootMeanSquare(clip.map((value) => value - offset))) < silenceRmsDb;
  return {
    rmsDb: toDb(rootMeanSquare(clip)),
    flatness,
    silent,
    noiseLike: !silent && flatness > noiseFlatness,
  };
}

function toDb(rms: number): number {
  return Math.max(20 * Math.log10(rms), SILENCE_FLOOR_DB);
}

let spectraOfQuality: { length: number; spectra: PowerSpectra } | undefined;

/** Spectral flatness within octaves, averaged over octaves and windows by their power. */
export function octaveFlatness(samples: Float32Array, rate: number): number {
  const length = Math.min(samples.length, roundHalfEven(WINDOW_SECONDS * rate));
  const last = samples.length - length;
  const count = 1 + Math.ceil(last / Math.max(Math.floor(length / 2), 1));
  const starts = Array.from({ length: count }, (_, n) =>
    count === 1 ? 0 : roundHalfEven((last * n) / (count - 1)),
  );
  if (spectraOfQuality?.length !== length) {
    spectraOfQuality = { length, spectra: new PowerSpectra(length) };
  }
  const spectra = spectraOfQuality.spectra.of(samples, starts);
  let flat = 0;
  let total = 0;
  for (const [low, high] of octaves(1 + (length >> 1), rate)) {
    for (const power of spectra) {
      let sum = 0;
      let logarithms = 0;
      for (let k = low; k < high; k++) {
        sum += power[k];
        logarithms += Math.log(power[k] + TINY);
      }
      if (sum / (high - low) > TINY) {
        flat += Math.exp(logarithms / (high - low)) * (high - low);
      }
      total += sum;
    }
  }
  return total > 0 ? Math.min(flat / total, 1) : 0;
}

function octaves(bins: number, rate: number): [number, number][] {
  const lowest = Math.max(1, roundHalfEven((LOWEST_HZ * (bins - 1)) / (rate / 2)));
  const ranges: [number, number][] = [];
  let high = bins;
  while (high >> 1 > lowest && high >> 1 >= LEAST_BINS) {
    ranges.push([high >> 1, high]);
    high >>= 1;
  }
  if (high - lowest >= LEAST_BINS || !ranges.length) {
    ranges.push([Math.min(lowest, high - 1), high]);
  }
  return ranges;
}

/** The greatest magnitude in each of `count` equal parts, for a drawing. */
export function outline(samples: Float32Array, count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * samples.length) / count);
    const to = Math.max(from + 1, Math.floor(((index + 1) * samples.length) / count));
    let most = 0;
    for (let n = from; n < to && n < samples.length; n++) {
      most = Math.max(most, Math.abs(samples[n]));
    }
    return most;
  });
}
