/** What the page and its worker say to each other. */

import type { Quality } from "./clips";
import type { Recognition } from "./recognition";
import type { LogMelSettings } from "./spectrum";

export interface ModelFile {
  path: string;
  bytes: number;
  sha256: string;
}

/** A model as `cargan web` describes it in models.json. */
export interface ModelDescription {
  name: string;
  license: string | null;
  labels: string[];
  players: Record<string, string[]>;
  player_count: number;
  height: number;
  width: number;
  channels: number;
  sample_rate: number;
  clip_samples: number;
  silence_rms_db: number;
  noise_flatness: number;
  log_mel: LogMelSettings;
  model: ModelFile;
  sound_classifier?: ModelFile & { log_mel: LogMelSettings };
}

export type Backend = "WebGPU" | "WebAssembly";

/** What is asked for in the address of the page, such as `?backend=wasm&threads=1`. */
export interface Wanted {
  backend?: "webgpu" | "wasm";
  threads?: number;
}

export interface Opened {
  backend: Backend;
  threads: number;
}

/** A sound at the model's rate. */
export interface LoadedSound {
  seconds: number;
  loudest: number;
  last: number;
  outline: number[];
}

/** An instrument by its index, or `null`: recognized; and the player by its index. */
export interface Choice {
  label: number | null;
  player: number;
}

export interface Generated {
  image: Uint8Array;
  coarse: Uint8Array;
  /** [height · width · channels] in [-1, 1], what the networks see of the sound. */
  spectrogram: Float32Array;
  label: number;
  recognition: Recognition | null;
  quality: Quality;
  start: number;
  paddedSeconds: number;
  waveform: number[];
}

export interface Requests {
  open: {
    given: {
      description: ModelDescription;
      model: ArrayBuffer;
      classifier?: ArrayBuffer;
      wanted: Wanted;
    };
    answer: Opened;
  };
  load: { given: { samples: Float32Array; rate: number }; answer: LoadedSound };
  generate: { given: Choice & { start: number }; answer: Generated };
  /** The newest samples of a microphone, a clip and `margin()` long. */
  listen: { given: Choice & { samples: Float32Array; rate: number; fresh: boolean }; answer: Generated };
  forget: { given: object; answer: null };
}

export type Kind = keyof Requests;
export interface Request<K extends Kind = Kind> {
  id: number;
  kind: K;
  given: Requests[K]["given"];
}
export type Answer = { id: number; answer: unknown } | { id: number; error: string };
