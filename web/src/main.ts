/** The page: what its controls do. */

import { drawOutline, drawPixels, redrawOutlines, spectrogramPixels } from "./drawing";
import { lineOf, UserError } from "./errors";
import type { Generated, LoadedSound, ModelDescription, Opened, Wanted } from "./messages";
import { Microphone } from "./microphone";
import { type Contents, readContents, RunningModel, sweepCache } from "./model";
import { describe, warnings, words } from "./recognition";
import { decodeSound, HALF_LENGTH } from "./sound";

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const button = (id: string) => element<HTMLButtonElement>(id);
const select = (id: string) => element<HTMLSelectElement>(id);
const canvas = (id: string) => element<HTMLCanvasElement>(id);

const RECOGNIZE = "";
/** Milliseconds that a new service worker may take before the page goes on without it. */
const PATIENCE = 3_000;
/** Live: milliseconds from one image to the next at least, and between looks at the speed. */
const LEAST_INTERVAL = 40;
const SPEED_EVERY = 500;
/** Images that the speed and the latency are measured over. */
const MEASURED = 20;

let contents: Contents;
let model: RunningModel | undefined;
let sound: { loaded: LoadedSound; notes: string[] } | undefined;
let microphone: Microphone | undefined;
/** What is made from the newest controls; while one image is generated, only the newest waits. */
let isGenerating = false;
let isStale = false;
/** Grows with each sound that is chosen, so that a slow older one is dropped. */
let soundsChosen = 0;

function say(text: string): void {
  element("status").textContent = text;
}

function fail(error: unknown): void {
  if (!(error instanceof UserError)) console.error(error);
  const shown = element("error");
  shown.textContent = lineOf(error);
  shown.scrollIntoView({ block: "nearest" });
}

/** Run a visitor's action; what goes wrong is shown. */
async function attempt(action: () => Promise<void>): Promise<void> {
  element("error").textContent = "";
  try {
    await action();
  } catch (error) {
    fail(error);
  }
}

async function start(): Promise<void> {
  await attempt(async () => {
    await registerServiceWorker();
    contents = await readContents();
    fill(select("model"), contents.models.map(({ name }) => [name, name]));
    element("model-field").hidden = contents.models.length < 2;
    await openModel(contents.models[0]);
    await chooseFirstSample();
    await sweepCache(contents.models);
  });
}

/** Lets the page work offline, where the browser allows it. */
async function registerServiceWorker(): Promise<void> {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  try {
    await serviceWorker.register("sw.js");
  } catch (error) {
    console.warn("The page will not work offline.", error);
    return;
  }
  if (serviceWorker.controller) return;
  // The runtime is to be loaded through it, so that it is kept.
  await new Promise<void>((resolve) => {
    serviceWorker.addEventListener("controllerchange", () => resolve(), { once: true });
    setTimeout(resolve, PATIENCE);
  });
}

async function openModel(description: ModelDescription): Promise<void> {
  const controls = ["choose", "microphone", "label", "model", "sample"];
  const enable = (isEnabled: boolean) => {
    for (const id of controls) (element(id) as HTMLButtonElement).disabled = !isEnabled;
  };
  enable(false);
  select("model").disabled = false;
  model?.close();
  model = undefined;
  const progress = element<HTMLProgressElement>("progress");
  element("loading").hidden = false;
  say("Loading the model …");
  const began = performance.now();
  try {
    const wanted = wantedBackend();
    const { model: opened, opened: facts } = await RunningModel.open(
      description,
      wanted,
      (fraction) => (progress.value = fraction),
    );
    model = opened;
    showModel(description, facts);
    say("The model is ready.");
    document.documentElement.dataset.loaded = String(Math.round(performance.now() - began));
    enable(true);
  } finally {
    element("loading").hidden = true;
  }
}

function wantedBackend(): Wanted {
  const asked = new URLSearchParams(location.search);
  const backend = asked.get("backend");
  const threads = Number(asked.get("threads"));
  return {
    ...(backend === "wasm" || backend === "webgpu" ? { backend } : {}),
    ...(threads >= 1 ? { threads } : {}),
  };
}

function showModel(description: ModelDescription, { backend, threads }: Opened): void {
  const { labels, sound_classifier, name, license, height, width, player_count } = description;
  const instruments = labels.map((label, index): [string, string] => [String(index), words(label)]);
  const first: [string, string][] = sound_classifier ? [[RECOGNIZE, "Recognize it"]] : [];
  fill(select("label"), [...first, ...instruments]);
  element("who-field").hidden = !player_count;
  fillPlayers();
  const samples = contents.samples.filter(({ label }) => labels.includes(label));
  fill(select("sample"), [
    ["", "–"],
    ...samples.map(({ label, path }): [string, string] => [path, words(label)]),
  ]);
  element("sample-field").hidden = !samples.length;
  const threaded = threads > 1 ? `, ${threads} threads` : "";
  element("about").textContent =
    `Model ${name} (${height}×${width} pixels, ${labels.length} instruments` +
    `${license ? `, ${license}` : ""}), run by ${backend}${threaded}.`;
  Object.assign(document.documentElement.dataset, { backend, threads: String(threads) });
}

/** The players of the chosen instrument; where it is recognized, their numbers. */
function fillPlayers(): void {
  const { players, player_count, labels } = model!.description;
  const label = select("label").value;
  const names = label === RECOGNIZE ? [] : (players[labels[Number(label)]] ?? []);
  const before = select("who").value;
  fill(
    select("who"),
    Array.from({ length: names.length || player_count }, (_, index) => [
      String(index),
      names[index] ?? `player ${index + 1}`,
    ]),
  );
  if (select("who").querySelector(`[value="${before}"]`)) select("who").value = before;
}

function fill(list: HTMLSelectElement, options: [string, string][]): void {
  list.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
}

function choice(): { label: number | null; player: number } {
  const label = select("label").value;
  return {
    label: label === RECOGNIZE ? null : Number(label),
    player: Number(select("who").value || 0),
  };
}

async function chooseFirstSample(): Promise<void> {
  const list = select("sample");
  if (sound || microphone || list.options.length < 2) return;
  list.selectedIndex = list.options.length - 1;
  await chooseSample();
}

async function chooseSample(): Promise<void> {
  const { value, selectedOptions } = select("sample");
  if (!value) return;
  const response = await fetch(value.split("/").map(encodeURIComponent).join("/"));
  if (!response.ok) {
    throw new UserError(
      `The sample cannot be loaded (status ${response.status}): the page's owner must upload it again.`,
    );
  }
  await useSound(await response.blob(), `Sample: ${selectedOptions[0].text}`);
}

async function useFile(file: File): Promise<void> {
  select("sample").value = "";
  await useSound(file, file.name);
}

async function useSound(file: Blob, name: string): Promise<void> {
  await stopListening();
  const number = ++soundsChosen;
  say("Reading the sound …");
  try {
    const { samples, rate, notes } = await decodeSound(file, name);
    if (number !== soundsChosen || !model) return;
    const loaded = await model.ask("load", { samples, rate }, [samples.buffer as ArrayBuffer]);
    if (number !== soundsChosen) return;
    sound = { loaded, notes };
    showSound(file, name, loaded);
  } catch (error) {
    say("");
    throw error;
  }
  await generate();
}

function showSound(file: Blob, name: string, { last, loudest }: LoadedSound): void {
  const player = element<HTMLAudioElement>("player");
  URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(file);
  element("sound-name").textContent = name;
  element("recorded").hidden = false;
  element("start-field").hidden = false;
  const slider = element<HTMLInputElement>("start");
  slider.max = (Math.floor(100 * last) / 100).toFixed(2);
  slider.value = loudest.toFixed(2);
  slider.disabled = last < 0.01;
  isAtLoudest = true;
}

/** Whether the start is the loudest one, which need not be a whole step of the slider. */
let isAtLoudest = true;

function startSeconds(): number {
  return isAtLoudest ? sound!.loaded.loudest : Number(element<HTMLInputElement>("start").value);
}

/** Generate the image of the sound under the controls as they stand. */
async function generate(): Promise<void> {
  if (!sound || !model) return;
  if (isGenerating) {
    isStale = true;
    return;
  }
  isGenerating = true;
  try {
    do {
      isStale = false;
      const shown: { loaded: LoadedSound; notes: string[] } = sound;
      const generated = await model.ask("generate", { ...choice(), start: startSeconds() });
      if (microphone || shown !== sound) continue;
      showImage(generated);
      showCaption(generated, shown.notes);
      const { seconds, outline } = shown.loaded;
      const { clip_samples, sample_rate } = model.description;
      const end = generated.start + clip_samples / sample_rate;
      drawOutline(canvas("waveform"), outline, generated.start / seconds, end / seconds);
      const text = `${generated.start.toFixed(2)} s to ${Math.min(end, seconds).toFixed(2)} s`;
      element("start-text").textContent = `${text} of ${seconds.toFixed(2)} s`;
      element("start").setAttribute("aria-valuetext", text);
      canvas("waveform").setAttribute("aria-label", `Waveform; the image is made from ${text}`);
    } while (isStale);
  } finally {
    isGenerating = false;
  }
}

function showImage({ image, coarse, spectrogram, label }: Generated): void {
  const { height, width, channels, labels } = model!.description;
  drawPixels(canvas("image"), image, height, width);
  drawPixels(canvas("coarse"), coarse, height, width);
  drawPixels(canvas("spectrogram"), spectrogramPixels(spectrogram, width, channels), height, width);
  canvas("image").setAttribute("aria-label", `Generated image: ${words(labels[label])}`);
  button("download").disabled = false;
  document.documentElement.dataset.label = labels[label];
}

function showCaption({ label, recognition, paddedSeconds, quality }: Generated, notes: string[]): void {
  const name = words(model!.description.labels[label]);
  const said = recognition && !recognition.silent ? `Sounds like ${describe(recognition)}.` : "";
  put("caption", said || `${name.charAt(0).toUpperCase()}${name.slice(1)}.`);
  const warned = warnings(notes, paddedSeconds, quality, recognition).map(
    (warning) => `${warning.charAt(0).toUpperCase()}${warning.slice(1)}.`,
  );
  put("status", warned.join(" "));
}

/** Set a text where it changed, so that a screen reader says it once. */
function put(id: string, text: string): void {
  if (element(id).textContent !== text) element(id).textContent = text;
}

async function toggleListening(): Promise<void> {
  if (microphone) {
    await stopListening();
    say("Stopped. The sound was not kept.");
    return;
  }
  soundsChosen++;
  const { clip_samples, sample_rate } = model!.description;
  // A clip, and what the resampler needs beyond its end.
  const seconds = clip_samples / sample_rate + (2 * HALF_LENGTH) / Math.min(sample_rate, 8_000);
  button("microphone").disabled = true;
  try {
    microphone = await Microphone.open(seconds, sample_rate);
  } finally {
    button("microphone").disabled = false;
  }
  sound = undefined;
  select("sample").value = "";
  const player = element<HTMLAudioElement>("player");
  player.pause();
  URL.revokeObjectURL(player.src);
  player.removeAttribute("src");
  element("recorded").hidden = element("start-field").hidden = true;
  document.body.classList.add("live");
  put("speed", "");
  button("microphone").textContent = "Stop the microphone";
  button("microphone").setAttribute("aria-pressed", "true");
  const opened = microphone;
  opened.onended = () =>
    void stopListening().then(() => say("The microphone was taken away. The sound was not kept."));
  say("Listening …");
  listen(opened).catch((error) => stopListening().then(() => fail(error)));
}

async function stopListening(): Promise<void> {
  const closing = microphone;
  if (!closing) return;
  microphone = undefined;
  button("microphone").textContent = "Use the microphone";
  button("microphone").setAttribute("aria-pressed", "false");
  document.body.classList.remove("live");
  delete document.documentElement.dataset.rate;
  drawOutline(canvas("waveform"), [0], 0, 0);
  canvas("waveform").setAttribute("aria-label", "Waveform");
  await closing.close();
  await model?.ask("forget", {});
}

/** One image after the other, each of the newest half second. */
async function listen(opened: Microphone): Promise<void> {
  const shown: { at: number; latency: number }[] = [];
  let told = 0;
  let fresh = true;
  while (microphone === opened && model) {
    const began = performance.now();
    if (opened.full) {
      const heardAt = opened.newest;
      const samples = opened.take();
      const generated = await model.ask(
        "listen",
        { ...choice(), samples, rate: opened.rate, fresh },
        [samples.buffer as ArrayBuffer],
      );
      fresh = false;
      if (microphone !== opened) return;
      showImage(generated);
      showCaption(generated, []);
      drawOutline(canvas("waveform"), generated.waveform, 0, 1);
      const at = performance.now();
      shown.push({ at, latency: at - heardAt });
      if (shown.length > MEASURED) shown.shift();
      if (at - told > SPEED_EVERY && shown.length > 2) {
        told = at;
        showSpeed(shown);
      }
    }
    // A timer, not the next frame: a page that is not seen would stop there.
    const rest = LEAST_INTERVAL - (performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, rest)));
  }
}

function showSpeed(shown: { at: number; latency: number }[]): void {
  const rate = (1000 * (shown.length - 1)) / (shown.at(-1)!.at - shown[0].at);
  const sorted = shown.map(({ latency }) => latency).sort((a, b) => a - b);
  const latency = sorted[sorted.length >> 1];
  put("speed", `${rate.toFixed(1)} images a second, ${latency.toFixed(0)} ms from sound to image`);
  Object.assign(document.documentElement.dataset, {
    rate: rate.toFixed(2),
    latency: latency.toFixed(1),
  });
}

async function download(): Promise<void> {
  const image = canvas("image");
  const content = await new Promise<Blob | null>((resolve) => image.toBlob(resolve, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content!);
  link.download = `${document.documentElement.dataset.label ?? "image"}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), PATIENCE);
}

function listenToControls(): void {
  const file = element<HTMLInputElement>("file");
  button("choose").onclick = () => file.click();
  file.onchange = () => {
    const [chosen] = file.files ?? [];
    file.value = ""; // the same file can be chosen again
    if (chosen) void attempt(() => useFile(chosen));
  };
  select("sample").onchange = () => void attempt(chooseSample);
  select("label").onchange = () => {
    fillPlayers();
    void attempt(generate);
  };
  select("who").onchange = () => void attempt(generate);
  select("model").onchange = () =>
    void attempt(async () => {
      await stopListening();
      sound = undefined;
      await openModel(contents.models[select("model").selectedIndex]);
      await chooseFirstSample();
    });
  element<HTMLInputElement>("start").oninput = () => {
    isAtLoudest = false;
    void attempt(generate);
  };
  button("microphone").onclick = () => void attempt(toggleListening);
  button("download").onclick = () => void attempt(download);
  // A sound can be dropped anywhere: beside the field the browser would leave the page.
  const drop = element("drop");
  addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const dropped = event.dataTransfer?.files[0];
    if (dropped && model) void attempt(() => useFile(dropped));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawOutlines);
  // Whoever leaves the page leaves no open microphone behind.
  addEventListener("pagehide", () => void stopListening());
}

listenToControls();
void start();
