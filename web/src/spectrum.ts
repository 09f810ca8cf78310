/** Fourier transforms of real frames of any length, and the log-mel of a clip. In float64: near the
 * floor, float32's round-off is many decibels. */

/** The log-mel that a model takes, as `cargan web` describes it. */
export interface LogMelSettings {
  n_fft: number;
  hop_length: number;
  frames: number;
  floor_db: number;
  scale: "decibels" | "clip";
  /** Of each band the first frequency it reaches, and its weights. */
  bands: [number, number[]][];
}

/** The least range in dB by which a clip is scaled to 0..1. */
const MIN_CLIP_RANGE_DB = 1;

/** [length] periodic Hann window. */
export function hann(length: number): Float64Array {
  return Float64Array.from(
    { length },
    (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / length),
  );
}

/** The complex Fourier transform of a power of two, in place. */
class PowerOfTwo {
  private readonly cos: Float64Array;
  private readonly sin: Float64Array;
  private readonly reversed: Uint32Array;

  constructor(private readonly size: number) {
    this.cos = new Float64Array(size / 2);
    this.sin = new Float64Array(size / 2);
    for (let k = 0; k < size / 2; k++) {
      this.cos[k] = Math.cos((2 * Math.PI * k) / size);
      this.sin[k] = -Math.sin((2 * Math.PI * k) / size);
    }
    this.reversed = new Uint32Array(size);
    for (let n = 1; n < size; n++) {
      this.reversed[n] = (this.reversed[n >> 1] >> 1) | (n & 1 ? size >> 1 : 0);
    }
  }

  run(real: Float64Array, imaginary: Float64Array): void {
    const { size, cos, sin, reversed } = this;
    for (let n = 0; n < size; n++) {
      const m = reversed[n];
      if (m > n) {
        [real[n], real[m]] = [real[m], real[n]];
        [imaginary[n], imaginary[m]] = [imaginary[m], imaginary[n]];
      }
    }
    for (let half = 1; half < size; half *= 2) {
      const step = size / (2 * half);
      for (let first = 0; first < size; first += 2 * half) {
        for (let k = 0; k < half; k++) {
          const c = cos[k * step];
          const s = sin[k * step];
          const a = first + k;
          const b = a + half;
          const x = real[b] * c - imaginary[b] * s;
          const y = real[b] * s + imaginary[b] * c;
          real[b] = real[a] - x;
          imaginary[b] = imaginary[a] - y;
          real[a] += x;
          imaginary[a] += y;
        }
      }
    }
  }
}

/** The complex Fourier transform of any length, in place; by Bluestein's chirps where it is no
 * power of two. */
export class Fourier {
  private readonly inner: PowerOfTwo;
  private readonly size: number;
  private readonly chirp?: { cos: Float64Array; sin: Float64Array };
  private readonly filter?: { real: Float64Array; imaginary: Float64Array };

  constructor(readonly length: number) {
    const isPower = (length & (length - 1)) === 0;
    this.size = isPower ? length : 2 ** Math.ceil(Math.log2(2 * length - 1));
    this.inner = new PowerOfTwo(this.size);
    if (isPower) return;
    const cos = new Float64Array(length);
    const sin = new Float64Array(length);
    const real = new Float64Array(this.size);
    const imaginary = new Float64Array(this.size);
    for (let n = 0; n < length; n++) {
      // n² modulo 2·length: exact, where a large angle would lose digits.
      const angle = (Math.PI * ((n * n) % (2 * length))) / length;
      cos[n] = Math.cos(angle);
      sin[n] = Math.sin(angle);
      real[n] = real[(this.size - n) % this.size] = cos[n];
      imaginary[n] = imaginary[(this.size - n) % this.size] = sin[n];
    }
    this.inner.run(real, imaginary);
    this.chirp = { cos, sin };
    this.filter = { real, imaginary };
  }

  run(real: Float64Array, imaginary: Float64Array): void {
    if (!this.chirp || !this.filter) {
      this.inner.run(real, imaginary);
      return;
    }
    const { cos, sin } = this.chirp;
    const x = new Float64Array(this.size);
    const y = new Float64Array(this.size);
    for (let n = 0; n < this.length; n++) {
      x[n] = real[n] * cos[n] + imaginary[n] * sin[n];
      y[n] = imaginary[n] * cos[n] - real[n] * sin[n];
    }
    this.inner.run(x, y);
    for (let k = 0; k < this.size; k++) {
      const product = x[k] * this.filter.real[k] - y[k] * this.filter.imaginary[k];
      // Conjugated, so that a forward transform gives the inverse one.
      y[k] = -(x[k] * this.filter.imaginary[k] + y[k] * this.filter.real[k]);
      x[k] = product;
    }
    this.inner.run(x, y);
    for (let n = 0; n < this.length; n++) {
      const a = x[n] / this.size;
      const b = -y[n] / this.size;
      real[n] = a * cos[n] + b * sin[n];
      imaginary[n] = b * cos[n] - a * sin[n];
    }
  }
}

/** Power spectra of real frames, two by each transform. */
export class PowerSpectra {
  readonly bins: number;
  private readonly fourier: Fourier;
  private readonly real: Float64Array;
  private readonly imaginary: Float64Array;
  private readonly window: Float64Array;

  constructor(private readonly length: number) {
    this.bins = 1 + (length >> 1);
    this.fourier = new Fourier(length);
    this.real = new Float64Array(length);
    this.imaginary = new Float64Array(length);
    this.window = hann(length);
  }

  /** [starts.length] spectra of [bins] of the windowed frames; zeros beyond both ends. */
  of(samples: ArrayLike<number>, starts: number[]): Float64Array[] {
    const { length, bins, real, imaginary } = this;
    const spectra: Float64Array[] = [];
    for (let index = 0; index < starts.length; index += 2) {
      this.fill(real, samples, starts[index]);
      this.fill(imaginary, samples, starts[index + 1]);
      this.fourier.run(real, imaginary);
      const first = new Float64Array(bins);
      const second = new Float64Array(bins);
      for (let k = 0; k < bins; k++) {
        const mirrored = (length - k) % length;
        const a = (real[k] + real[mirrored]) / 2;
        const b = (imaginary[k] - imaginary[mirrored]) / 2;
        const c = (imaginary[k] + imaginary[mirrored]) / 2;
        const d = (real[mirrored] - real[k]) / 2;
        first[k] = a * a + b * b;
        second[k] = c * c + d * d;
      }
      spectra.push(first);
      if (index + 1 < starts.length) spectra.push(second);
    }
    return spectra;
  }

  private fill(into: Float64Array, samples: ArrayLike<number>, start: number | undefined): void {
    into.fill(0);
    if (start === undefined) return;
    const from = Math.max(0, -start);
    const to = Math.min(this.length, samples.length - start);
    for (let n = from; n < to; n++) into[n] = samples[start + n] * this.window[n];
  }
}

/** Computes log-mels as the library does: [n_mels · frames], band by band. */
export class LogMel {
  private readonly spectra: PowerSpectra;
  private readonly starts: number[];

  constructor(private readonly settings: LogMelSettings) {
    this.spectra = new PowerSpectra(settings.n_fft);
    const half = settings.n_fft >> 1; // windows are centered on multiples of the hop
    this.starts = Array.from(
      { length: settings.frames },
      (_, index) => index * settings.hop_length - half,
    );
  }

  of(clip: Float32Array): Float32Array {
    const { bands, frames, floor_db, scale } = this.settings;
    const spectra = this.spectra.of(clip, this.starts);
    const floor = 10 ** (floor_db / 10);
    const decibels = new Float64Array(bands.length * frames);
    let least = Infinity;
    let most = -Infinity;
    bands.forEach(([first, weights], band) => {
      for (let frame = 0; frame < frames; frame++) {
        const power = spectra[frame];
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * power[first + k];
        const value = 10 * Math.log10(Math.max(sum, floor));
        decibels[band * frames + frame] = value;
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
    });
    if (scale === "clip") {
      const reach = Math.max(most - least, MIN_CLIP_RANGE_DB);
      for (let index = 0; index < decibels.length; index++) {
        decibels[index] = (decibels[index] - least) / reach;
      }
    }
    return Float32Array.from(decibels);
  }
}
