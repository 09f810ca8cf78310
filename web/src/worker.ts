/** Runs the model beside the page, so that the page stays responsive. */

import type { InferenceSession, Tensor } from "onnxruntime-web";
import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import gpuWasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url";
import {
  cutClip,
  loudestStart,
  measureQuality,
  outline,
  recognitionWindows,
  rootMeanSquare,
  roundHalfEven,
  withoutOffset,
} from "./clips";
import { lineOf, UserError } from "./errors";
import type {
  Answer,
  Backend,
  Choice,
  Generated,
  Kind,
  LoadedSound,
  ModelDescription,
  Opened,
  Request,
  Requests,
  Wanted,
} from "./messages";
import { bestLabel, type Recognition } from "./recognition";
import { HALF_LENGTH, resample } from "./sound";
import { LogMel } from "./spectrum";

type Runtime = typeof import("onnxruntime-web");

/** Half seconds per call of the sound classifier. */
const BATCH = 16;
/** Threads that pay for models of this size. */
const MOST_THREADS = 4;
const OUTLINE_POINTS = 240;
/** Live, the instrument is recognized once in so many milliseconds. */
const RECOGNIZED_EVERY = 250;
/** Live, the weight of what was heard before: a note counts for about a second. */
const REMEMBERED = 0.75;

class Model {
  private readonly logMel: LogMel;
  private readonly classifierLogMel?: LogMel;
  private sound: Float32Array = new Float32Array(1);
  private soundRecognition: Recognition | null = null;
  private liveRecognition: Recognition | null = null;
  private liveQuality: Generated["quality"] | null = null;
  private recognizedAt = -Infinity;

  constructor(
    private readonly runtime: Runtime,
    private readonly description: ModelDescription,
    private readonly images: InferenceSession,
    private readonly classifier?: InferenceSession,
  ) {
    this.logMel = new LogMel(description.log_mel);
    const { sound_classifier } = description;
    if (sound_classifier) this.classifierLogMel = new LogMel(sound_classifier.log_mel);
  }

  load(samples: Float32Array, rate: number): LoadedSound {
    const { sample_rate, clip_samples } = this.description;
    this.sound = withoutOffset(resample(samples, rate, sample_rate));
    this.soundRecognition = null;
    return {
      seconds: this.sound.length / sample_rate,
      loudest: loudestStart(this.sound, clip_samples, sample_rate) / sample_rate,
      last: Math.max(0, this.sound.length - clip_samples) / sample_rate,
      outline: outline(this.sound, OUTLINE_POINTS),
    };
  }

  async generate({ label, player, start }: Choice & { start: number }): Promise<Generated> {
    const { clip_samples, sample_rate } = this.description;
    if (label === null) {
      this.soundRecognition ??= await this.recognize(
        recognitionWindows(this.sound, clip_samples),
      );
    }
    const begin = roundHalfEven(start * sample_rate);
    const clip = cutClip(this.sound, begin, clip_samples);
    const padded = Math.max(0, begin + clip_samples - this.sound.length);
    const recognition = label === null ? this.soundRecognition : null;
    return this.generated(clip, { label, player }, recognition, {
      quality: this.quality(clip),
      start: begin / sample_rate,
      paddedSeconds: padded / sample_rate,
    });
  }

  async listen(given: Requests["listen"]["given"]): Promise<Generated> {
    const { clip_samples, sample_rate } = this.description;
    const resampled = resample(given.samples, given.rate, sample_rate);
    // The filter's end would fade out; so much earlier all of it has sound.
    const end = resampled.length - (given.rate === sample_rate ? 0 : Math.ceil(HALF_LENGTH));
    const clip = withoutOffset(resampled.slice(Math.max(0, end - clip_samples), end));
    if (given.fresh) {
      this.liveRecognition = null;
      this.recognizedAt = -Infinity;
    }
    if (!this.liveQuality || performance.now() - this.recognizedAt >= RECOGNIZED_EVERY) {
      this.recognizedAt = performance.now();
      this.liveQuality = this.quality(clip);
      if (given.label === null) await this.recognizeLive(clip);
    }
    const recognition = given.label === null ? this.liveRecognition : null;
    return this.generated(cutClip(clip, 0, clip_samples), given, recognition, {
      quality: this.liveQuality,
      start: 0,
      paddedSeconds: 0,
    });
  }

  /** Drop all sound. */
  forget(): null {
    this.sound = new Float32Array(1);
    this.soundRecognition = this.liveRecognition = this.liveQuality = null;
    return null;
  }

  private quality(clip: Float32Array): Generated["quality"] {
    const { sample_rate, silence_rms_db, noise_flatness } = this.description;
    return measureQuality(clip, sample_rate, silence_rms_db, noise_flatness);
  }

  private async recognizeLive(clip: Float32Array): Promise<void> {
    const heard = await this.recognize([clip]);
    const before = this.liveRecognition;
    if (!before || before.silent || heard.silent) {
      this.liveRecognition = heard;
      return;
    }
    const mixed = (old: number, now: number) => REMEMBERED * old + (1 - REMEMBERED) * now;
    this.liveRecognition = {
      ...heard,
      probabilities: heard.probabilities.map((now, index) =>
        mixed(before.probabilities[index], now),
      ),
      none: mixed(before.none, heard.none),
    };
  }

  private async recognize(windows: Float32Array[]): Promise<Recognition> {
    const { labels, silence_rms_db } = this.description;
    if (!this.classifier || !this.classifierLogMel) {
      throw new UserError(
        "This model has no sound classifier to recognize the instrument: choose one.",
      );
    }
    const { bands, frames } = this.description.sound_classifier!.log_mel;
    const sums = labels.map(() => 0);
    let none = 0;
    for (let first = 0; first < windows.length; first += BATCH) {
      const batch = windows.slice(first, first + BATCH);
      const values = new Float32Array(batch.length * bands.length * frames);
      batch.forEach((window, index) =>
        values.set(this.classifierLogMel!.of(window), index * bands.length * frames),
      );
      const shape = [batch.length, bands.length, frames];
      const outputs = await this.classifier.run({
        log_mel: new this.runtime.Tensor("float32", values, shape),
      });
      const probabilities = outputs.label_probabilities.data as Float32Array;
      probabilities.forEach((value, index) => (sums[index % labels.length] += value));
      (outputs.none_probability.data as Float32Array).forEach((value) => (none += value));
    }
    const loudest = Math.max(...windows.map(rootMeanSquare));
    return {
      labels,
      probabilities: sums.map((sum) => sum / windows.length),
      none: none / windows.length,
      silent: loudest < 10 ** (silence_rms_db / 20),
    };
  }

  private async generated(
    clip: Float32Array,
    choice: Choice,
    recognition: Recognition | null,
    facts: Pick<Generated, "quality" | "start" | "paddedSeconds">,
  ): Promise<Generated> {
    const label = choice.label ?? bestLabel(recognition!);
    const outputs = await this.run(clip, label, choice.player);
    return {
      image: new Uint8Array(outputs.image.data as Uint8Array),
      coarse: new Uint8Array(outputs.coarse.data as Uint8Array),
      spectrogram: new Float32Array(outputs.spectrogram.data as Float32Array),
      label,
      recognition,
      waveform: outline(clip, OUTLINE_POINTS),
      ...facts,
    };
  }

  /** The networks' outputs for one clip. */
  run(clip: Float32Array, label: number, player: number): Promise<InferenceSession.OnnxValueMapType> {
    const { Tensor } = this.runtime;
    const { labels, players, log_mel, player_count } = this.description;
    const weights = new Float32Array(labels.length);
    weights[label] = 1;
    const inputs: Record<string, Tensor> = {
      log_mel: new Tensor("float32", this.logMel.of(clip), [
        ...[1, log_mel.bands.length],
        log_mel.frames,
      ]),
      label_weights: new Tensor("float32", weights, [1, labels.length]),
    };
    if (player_count) {
      // Where a label has fewer players, they are counted through again.
      const known = Math.max(1, players[labels[label]]?.length ?? 0);
      inputs.player = new Tensor("int64", BigInt64Array.of(BigInt(player % known)), [1]);
    }
    return this.images.run(inputs);
  }
}

/** The session of each file by the fastest backend that this browser has. */
async function open(
  description: ModelDescription,
  model: ArrayBuffer,
  classifier: ArrayBuffer | undefined,
  wanted: Wanted,
): Promise<{ opened: Opened; model: Model }> {
  if (typeof WebAssembly !== "object") {
    throw new UserError(
      "This browser has no WebAssembly, or it is switched off: use a current Firefox, Chrome, Edge or Safari.",
    );
  }
  const files = { model: new Uint8Array(model), classifier: classifier && new Uint8Array(classifier) };
  if (wanted.backend !== "wasm" && (await hasGpu(wanted.backend === "webgpu"))) {
    try {
      return await openWith("WebGPU", description, files, wanted);
    } catch (error) {
      console.warn("WebGPU failed; WebAssembly is used.", error);
    }
  }
  return openWith("WebAssembly", description, files, wanted);
}

/** Whether WebGPU can be used: with promise integration, as the runtime for it is a third smaller
 * than the one for browsers without; not by a graphics card that is only simulated, unless forced. */
async function hasGpu(forced: boolean): Promise<boolean> {
  interface Adapter {
    info?: { isFallbackAdapter?: boolean };
  }
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  if (!gpu || !("Suspending" in WebAssembly)) return false;
  const adapter = await gpu.requestAdapter().catch(() => null);
  return adapter !== null && (forced || !adapter.info?.isFallbackAdapter);
}

async function openWith(
  backend: Backend,
  description: ModelDescription,
  files: { model: Uint8Array; classifier?: Uint8Array },
  wanted: Wanted,
): Promise<{ opened: Opened; model: Model }> {
  const isGpu = backend === "WebGPU";
  const runtime: Runtime = isGpu
    ? await import("onnxruntime-web/jspi")
    : await import("onnxruntime-web/wasm");
  // Threads need shared memory, which a browser gives to isolated pages only.
  const most = self.crossOriginIsolated
    ? (wanted.threads ?? Math.ceil(navigator.hardwareConcurrency / 2))
    : 1;
  const threads = Math.max(1, Math.min(MOST_THREADS, most));
  runtime.env.wasm.numThreads = threads;
  runtime.env.wasm.wasmPaths = { wasm: isGpu ? gpuWasmUrl : wasmUrl };
  runtime.env.logLevel = "error";
  const options: InferenceSession.SessionOptions = {
    executionProviders: isGpu ? ["webgpu", "wasm"] : ["wasm"],
    logSeverityLevel: 3,
  };
  const images = await runtime.InferenceSession.create(files.model, options);
  const classifier =
    files.classifier && (await runtime.InferenceSession.create(files.classifier, options));
  const model = new Model(runtime, description, images, classifier);
  // Whether a graphics card can run it shows when it does.
  if (isGpu) await model.run(new Float32Array(description.clip_samples), 0, 0);
  return { opened: { backend, threads }, model };
}

let model: Model | undefined;

async function answer({ kind, given }: Request): Promise<unknown> {
  const of = <K extends Kind>() => given as Requests[K]["given"];
  if (kind === "open") {
    const { description, model: file, classifier, wanted } = of<"open">();
    const result = await open(description, file, classifier, wanted);
    model = result.model;
    return result.opened;
  }
  if (!model) throw new UserError("The model is not loaded yet.");
  if (kind === "load") return model.load(of<"load">().samples, of<"load">().rate);
  if (kind === "generate") return model.generate(of<"generate">());
  if (kind === "listen") return model.listen(of<"listen">());
  return model.forget();
}

self.onmessage = async ({ data }: MessageEvent<Request>) => {
  let reply: Answer;
  try {
    reply = { id: data.id, answer: await answer(data) };
  } catch (error) {
    if (!(error instanceof UserError)) console.error(error);
    reply = { id: data.id, error: lineOf(error) };
  }
  self.postMessage(reply);
};
