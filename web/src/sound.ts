/** From a sound file to one mono waveform at the model's rate, as the library's `audio/mixdown.py`. */

import { UserError } from "./errors";

/** Longer sounds are refused: a browser holds all of it at once, at the file's own rate. */
export const MAX_SECONDS = 600;
export const MAX_BYTES = 2 ** 29;
/** The rates that every browser decodes at. */
const MIN_DECODED_RATE = 8_000;
const MAX_DECODED_RATE = 96_000;
/** Used where a file does not say: that of videos and of Opus. */
const USUAL_RATE = 48_000;
/** Seconds until a player must have found out how long a sound is. */
const PATIENCE = 5;

const SILENT_CHANNEL_DB = -60;
const OPPOSITE = -0.9;
const MOST_OVER_FULL_SCALE = 16;

/** Quality HQ of the SoX resampler, the library's: its bits of precision. */
const BITS = 20;
const DB_PER_BIT = 20 * Math.log10(2);
const REJECTION = BITS * DB_PER_BIT;
const ATTENUATION = (BITS + 1) * DB_PER_BIT;
/** End of the passband, as a fraction of the lower of the two Nyquist frequencies. */
const PASSBAND = 1 - 0.05 / ((1.6e-6 * REJECTION - 7.5e-4) * REJECTION + 0.646);
const BETA = 0.1102 * (ATTENUATION - 8.7);
/** Half of the filter's length, in samples of the lower rate. */
export const HALF_LENGTH = (ATTENUATION - 7.95) / (2.285 * Math.PI * (1 - PASSBAND)) / 2;

/** A mono waveform, and what was put right in it. */
export interface Sound {
  samples: Float32Array;
  rate: number;
  notes: string[];
}

/** Decode a sound file; the browser does, at the rate that the file was recorded at. */
export async function decodeSound(file: Blob, name: string): Promise<Sound> {
  if (file.size > MAX_BYTES) {
    throw new UserError(
      `${name} has ${Math.round(file.size / 2 ** 20)} MB; expected at most ${MAX_BYTES / 2 ** 20} MB: cut it into parts first.`,
    );
  }
  checkLength(name, await secondsOf(file));
  const content = await file.arrayBuffer();
  const rate = clamp(sourceRate(new Uint8Array(content)) ?? USUAL_RATE);
  let decoded: AudioBuffer;
  try {
    decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(content);
  } catch {
    throw new UserError(
      `${name} cannot be read as sound by this browser; expected a wav, flac, ogg, mp3 or m4a file: check that it is one.`,
    );
  }
  checkLength(name, decoded.duration);
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, index) =>
    decoded.getChannelData(index),
  );
  return { ...mixDown(channels, decoded.sampleRate, name), rate: decoded.sampleRate };
}

function clamp(rate: number): number {
  return Math.min(Math.max(rate, MIN_DECODED_RATE), MAX_DECODED_RATE);
}

function checkLength(name: string, seconds: number | undefined): void {
  if (seconds !== undefined && seconds > MAX_SECONDS) {
    throw new UserError(
      `${name} lasts ${seconds.toFixed(0)} s; expected at most ${MAX_SECONDS} s: cut it into parts first.`,
    );
  }
}

/** How long a file says it is, before all of it is decoded; `undefined` where it does not. */
async function secondsOf(file: Blob): Promise<number | undefined> {
  const player = new Audio();
  const address = URL.createObjectURL(file);
  try {
    return await new Promise((resolve) => {
      player.onloadedmetadata = () =>
        resolve(Number.isFinite(player.duration) ? player.duration : undefined);
      player.onerror = () => resolve(undefined);
      setTimeout(() => resolve(undefined), 1000 * PATIENCE);
      player.preload = "metadata";
      player.src = address;
    });
  } finally {
    player.removeAttribute("src");
    URL.revokeObjectURL(address);
  }
}

/** The sample rate that a file's header states; `undefined` if it is not known. */
export function sourceRate(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (at: number, length: number) =>
    String.fromCharCode(...bytes.subarray(at, at + length));
  const find = (words: string, from: number, to: number) => {
    const wanted = [...words].map((letter) => letter.charCodeAt(0));
    for (let at = from; at + wanted.length <= Math.min(to, bytes.length); at++) {
      if (wanted.every((code, index) => bytes[at + index] === code)) return at;
    }
    return -1;
  };
  const flac = (at: number) => (view.getUint32(at) >>> 12 || undefined);
  try {
    const head = text(0, 4);
    if (head === "RIFF" || head === "RF64" || head === "RIFX") {
      const at = find("fmt ", 12, bytes.length);
      return at < 0 ? undefined : view.getUint32(at + 12, head !== "RIFX");
    }
    if (head === "fLaC") return flac(18);
    if (head === "OggS") {
      const vorbis = find("\x01vorbis", 0, 4096);
      if (vorbis >= 0) return view.getUint32(vorbis + 12, true);
      const inside = find("fLaC", 0, 4096);
      return inside < 0 ? 48_000 : flac(inside + 18);
    }
    if (text(4, 4) === "ftyp") {
      const at = find("mp4a", Math.max(0, find("stsd", 0, bytes.length)), bytes.length);
      return at < 0 ? undefined : view.getUint16(at + 28) || undefined;
    }
    return framesRate(bytes, view, head);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // it ends too early
    throw error;
  }
}

/** That of MPEG audio or AAC frames, behind an ID3 tag or not. */
function framesRate(bytes: Uint8Array, view: DataView, head: string): number | undefined {
  let at = 0;
  if (head.startsWith("ID3")) {
    at = 10 + bytes.subarray(6, 10).reduce((size, byte) => (size << 7) | (byte & 0x7f), 0);
  }
  const sync = view.getUint32(at);
  if (sync >>> 20 !== 0xfff && sync >>> 21 !== 0x7ff) return undefined;
  if (((sync >>> 17) & 3) === 0) {
    const rates = [
      ...[96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000],
      ...[22_050, 16_000, 12_000, 11_025, 8_000, 7_350],
    ];
    return rates[(sync >>> 10) & 15];
  }
  const rate = [44_100, 48_000, 32_000][(sync >>> 10) & 3];
  const version = (sync >>> 19) & 3;
  return rate && { 3: rate, 2: rate / 2, 0: rate / 4 }[version];
}

/** The mean of the channels; silent ones are left out, opposite ones are inverted. */
export function mixDown(
  channels: Float32Array[],
  rate: number,
  name: string,
): { samples: Float32Array; notes: string[] } {
  const length = channels[0]?.length ?? 0;
  if (!length) {
    throw new UserError(`${name} holds no samples; expected a recording: check that it is whole.`);
  }
  const { weights, notes } = channelWeights(channels);
  const samples = new Float32Array(length);
  let peak = 0;
  for (let n = 0; n < length; n++) {
    let sum = 0;
    for (let c = 0; c < channels.length; c++) sum += weights[c] * channels[c][n];
    samples[n] = sum;
    if (!Number.isFinite(sum)) {
      throw new UserError(
        `${name} holds a NaN or infinite sample at ${(n / rate).toFixed(3)} s; expected finite samples: export the sound again.`,
      );
    }
    peak = Math.max(peak, Math.abs(sum));
  }
  return scaled(samples, peak, notes, name);
}

function channelWeights(channels: Float32Array[]): { weights: number[]; notes: string[] } {
  const count = channels.length;
  const equal = channels.map(() => 1 / count);
  if (count === 1) return { weights: equal, notes: [] };
  const covariances = channels.map((a) => channels.map((b) => covariance(a, b)));
  const powers = covariances.map((row, index) => row[index]);
  const most = Math.max(...powers);
  if (!(most > 0) || !Number.isFinite(most)) return { weights: equal, notes: [] };
  const audible = powers.map((power) => power > most * 10 ** (SILENT_CHANNEL_DB / 10));
  const signs = channels.map(() => 1);
  const byPower = [...powers.keys()]
    .filter((channel) => audible[channel])
    .sort((a, b) => powers[b] - powers[a]);
  byPower.forEach((channel, position) => {
    const isOpposite = byPower.slice(0, position).some((louder) => {
      const correlation =
        covariances[channel][louder] / Math.sqrt(powers[channel] * powers[louder]);
      return correlation * signs[louder] < OPPOSITE;
    });
    if (isOpposite) signs[channel] = -1;
  });
  const notes: string[] = [];
  const silent = audible.filter((heard) => !heard).length;
  if (silent) notes.push(`${silent} of its ${count} channels are silent and left out`);
  if (signs.includes(-1)) {
    notes.push("its channels are opposite in sign, so that they would cancel; inverted");
  }
  if (!notes.length) return { weights: equal, notes };
  const weights = signs.map((sign, index) => (audible[index] ? sign / (count - silent) : 0));
  return { weights, notes };
}

function covariance(a: Float32Array, b: Float32Array): number {
  let sumA = 0;
  let sumB = 0;
  let products = 0;
  for (let n = 0; n < a.length; n++) {
    const x = a[n] - a[0]; // an offset would drown the differences in round-off
    const y = b[n] - b[0];
    sumA += x;
    sumB += y;
    products += x * y;
  }
  return products / a.length - (sumA / a.length) * (sumB / a.length);
}

/** Floating-point samples in the range of integers, scaled to ±1. */
function scaled(
  samples: Float32Array,
  peak: number,
  notes: string[],
  name: string,
): { samples: Float32Array; notes: string[] } {
  if (peak <= MOST_OVER_FULL_SCALE) return { samples, notes };
  for (const bits of [8, 16, 24, 32]) {
    if (peak > 1.2 * 2 ** (bits - 1)) continue;
    const reached = Math.round(peak).toLocaleString("en");
    const note = `its samples reach ${reached}, not 1: taken for ${bits}-bit integers and scaled`;
    return { samples: samples.map((value) => value * 2 ** (1 - bits)), notes: [...notes, note] };
  }
  throw new UserError(
    `${name} has samples of ${peak.toPrecision(3)}; expected full scale at 1, or at most the range of 32-bit integers: export the sound again.`,
  );
}

/** Bring samples to another rate: a windowed sinc with the pass and stop band of SoX's HQ. */
export function resample(samples: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return samples;
  const divisor = greatestDivisor(from, to);
  const up = to / divisor;
  const down = from / divisor;
  const stretch = Math.max(1, from / to); // of the filter, in samples of the source
  const half = HALF_LENGTH * stretch;
  const taps = 2 * Math.ceil(half) + 1;
  const middle = Math.ceil(half);
  const phases = filterPhases(up, middle, taps, half, ((1 + PASSBAND) / 2) / stretch);
  const out = new Float32Array(Math.floor((samples.length * to) / from + 0.5));
  for (let n = 0; n < out.length; n++) {
    const position = n * down;
    const whole = Math.floor(position / up);
    const filter = phases[position % up];
    const first = Math.max(0, middle - whole);
    const last = Math.min(taps, samples.length - whole + middle);
    let sum = 0;
    for (let tap = first; tap < last; tap++) sum += filter[tap] * samples[whole + tap - middle];
    out[n] = sum;
  }
  return out;
}

const phasesKnown = new Map<string, Float64Array[]>();

/** [up] filters of [taps], one for each place between two samples. */
function filterPhases(
  up: number,
  middle: number,
  taps: number,
  half: number,
  cutoff: number,
): Float64Array[] {
  const key = `${up} ${taps} ${cutoff}`;
  let phases = phasesKnown.get(key);
  if (phases) return phases;
  const whole = bessel(BETA);
  phases = Array.from({ length: up }, (_, phase) =>
    Float64Array.from({ length: taps }, (_, tap) => {
      const distance = tap - middle - phase / up;
      const inside = 1 - (distance / half) ** 2;
      if (inside < 0) return 0;
      const angle = Math.PI * cutoff * distance;
      const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
      return (cutoff * sinc * bessel(BETA * Math.sqrt(inside))) / whole;
    }),
  );
  phasesKnown.set(key, phases);
  return phases;
}

/** The modified Bessel function I0, by its series. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
