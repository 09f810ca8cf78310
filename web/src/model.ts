/** Fetches a model once, keeps it in the browser's cache, and asks the worker that runs it. */

import { UserError } from "./errors";
import type { Answer, Kind, ModelDescription, ModelFile, Opened, Requests, Wanted } from "./messages";

const CACHE = "cargan-models";
/** Of models.json. */
const FORMAT = 1;

export interface Sample {
  label: string;
  path: string;
}

export interface Contents {
  models: ModelDescription[];
  samples: Sample[];
}

/** What lies beside the page. */
export async function readContents(): Promise<Contents> {
  const response = await fetched("models.json", "list of models");
  let found: Contents & { format: number };
  try {
    found = await response.json();
  } catch {
    throw new UserError("models.json is damaged: its owner must write the page again.");
  }
  if (found.format !== FORMAT || !found.models?.length) {
    throw new UserError(
      "models.json is of another version than this page: its owner must write the page again.",
    );
  }
  return found;
}

async function fetched(address: string, what: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address);
  } catch {
    throw new UserError(`The ${what} cannot be loaded: check your connection, then try again.`);
  }
  if (!response.ok) {
    throw new UserError(
      `The ${what} cannot be loaded (status ${response.status}): the page's owner must upload it again.`,
    );
  }
  return response;
}

/** A file of a model, whole: from the cache, or loaded and put there. */
async function fetchFile(
  file: ModelFile,
  what: string,
  advance: (bytes: number) => void,
): Promise<ArrayBuffer> {
  const path = file.path.split("/").map(encodeURIComponent).join("/");
  const address = new URL(`${path}?sha256=${file.sha256}`, document.baseURI).href;
  const cache = await openCache();
  const kept = await cache?.match(address);
  if (kept) {
    const content = await kept.arrayBuffer();
    if (await isWhole(content, file)) {
      advance(content.byteLength);
      return content;
    }
  }
  const response = await fetched(address, what);
  const content = await read(response, file, what, advance);
  if (!(await isWhole(content, file))) {
    throw new UserError(
      `The ${what} is damaged: it is not the file that models.json names; the page's owner must upload it again.`,
    );
  }
  try {
    await cache?.put(address, new Response(content.slice(0)));
  } catch {
    // No room: it is loaded again the next time.
  }
  return content;
}

async function read(
  response: Response,
  file: ModelFile,
  what: string,
  advance: (bytes: number) => void,
): Promise<ArrayBuffer> {
  const content = new Uint8Array(file.bytes);
  let filled = 0;
  try {
    const reader = response.body!.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (filled + part.value.length > content.length) return new ArrayBuffer(0); // another file
      content.set(part.value, filled);
      filled += part.value.length;
      advance(part.value.length);
    }
  } catch {
    throw new UserError(`Loading the ${what} was interrupted: check your connection, then try again.`);
  }
  return content.buffer.slice(0, filled);
}

async function isWhole(content: ArrayBuffer, file: ModelFile): Promise<boolean> {
  if (content.byteLength !== file.bytes) return false;
  if (!crypto.subtle) return true; // a page without https, of which the length must do
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("") === file.sha256;
}

/** The cache, or `undefined` where there is none: without https, or in some private windows. */
async function openCache(): Promise<Cache | undefined> {
  try {
    return await caches.open(CACHE);
  } catch {
    return undefined;
  }
}

/** Remove files of models that the page has no more. */
export async function sweepCache(models: ModelDescription[]): Promise<void> {
  const hashes = models.flatMap(({ model, sound_classifier }) => [model, sound_classifier]);
  const cache = await openCache();
  for (const request of (await cache?.keys()) ?? []) {
    if (!hashes.some((file) => file && request.url.endsWith(file.sha256))) {
      await cache?.delete(request);
    }
  }
}

/** A model in its worker. */
export class RunningModel {
  private readonly waiting = new Map<
    number,
    { resolve: (value: never) => void; reject: (error: Error) => void }
  >();
  private count = 0;

  private constructor(
    private readonly worker: Worker,
    readonly description: ModelDescription,
  ) {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const asked = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if ("error" in data) asked?.reject(new UserError(data.error));
      else asked?.resolve(data.answer as never);
    };
    worker.onerror = () => {
      for (const { reject } of this.waiting.values()) {
        reject(new UserError("The part of the page that runs the model cannot be started: load the page again."));
      }
      this.waiting.clear();
    };
  }

  /** Load a model; `progress` is told the loaded fraction. */
  static async open(
    description: ModelDescription,
    wanted: Wanted,
    progress: (fraction: number) => void,
  ): Promise<{ model: RunningModel; opened: Opened }> {
    const { model: images, sound_classifier } = description;
    const total = images.bytes + (sound_classifier?.bytes ?? 0);
    let loaded = 0;
    const advance = (bytes: number) => progress(Math.min(1, (loaded += bytes) / total));
    const [file, classifier] = await Promise.all([
      fetchFile(images, `model ${description.name}`, advance),
      sound_classifier &&
        fetchFile(sound_classifier, `sound classifier of ${description.name}`, advance),
    ]);
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    const running = new RunningModel(worker, description);
    try {
      const given = { description, model: file, classifier, wanted };
      const opened = await running.ask("open", given, classifier ? [file, classifier] : [file]);
      return { model: running, opened };
    } catch (error) {
      running.close();
      throw error;
    }
  }

  ask<K extends Kind>(
    kind: K,
    given: Requests[K]["given"],
    transfer: Transferable[] = [],
  ): Promise<Requests[K]["answer"]> {
    const id = this.count++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, kind, given }, transfer);
    });
  }

  close(): void {
    this.worker.terminate();
  }
}
