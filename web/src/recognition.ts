/** What the listener should know, in the words of the library's `inference/result.py`. */

import type { Quality } from "./clips";

const CONFIDENT = 0.5;
const SURE = 0.8;
const MENTIONED = 0.01;

/** The instrument recognized by the sound classifier. */
export interface Recognition {
  labels: string[];
  probabilities: number[];
  none: number;
  silent: boolean;
}

export function words(label: string): string {
  return label.replaceAll("_", " ");
}

/** Index of the most probable label. */
export function bestLabel({ probabilities }: Recognition): number {
  return probabilities.indexOf(Math.max(...probabilities));
}

function isNone(recognition: Recognition): boolean {
  return !recognition.silent && recognition.none > Math.max(...recognition.probabilities);
}

/** Such as `violin (52%), viola (31%) or cello (9%)`; three if not sure. */
export function describe(recognition: Recognition): string {
  const { labels, probabilities, none, silent } = recognition;
  if (silent) return "silence";
  const confidence = Math.max(...probabilities);
  const names = [...probabilities.keys()]
    .sort((a, b) => probabilities[b] - probabilities[a])
    .slice(0, confidence >= SURE ? 1 : 3)
    .filter((index) => probabilities[index] >= MENTIONED)
    .map((index) => `${words(labels[index])} (${percent(probabilities[index])})`);
  if (isNone(recognition)) {
    return [`none of the instruments (${percent(none)})`, ...names.slice(0, 1)].join("; ");
  }
  return names.length === 1 ? names[0] : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(0)}%`;
}

function recognitionWarnings(recognition: Recognition): string[] {
  const label = words(recognition.labels[bestLabel(recognition)]);
  if (recognition.silent) {
    return [
      `silent: no instrument can be recognized; '${label}' is a guess: set the label`,
    ];
  }
  if (isNone(recognition)) {
    return [
      `it sounds like none of the ${recognition.labels.length} instruments; the image shows '${label}'; set the label if that is wrong`,
    ];
  }
  if (Math.max(...recognition.probabilities) < CONFIDENT) {
    return [
      `the instrument is a guess (${describe(recognition)}); set the label if that is wrong`,
    ];
  }
  return [];
}

/** Of an image: a sound padded, silent or like noise, a label guessed. */
export function warnings(
  notes: string[],
  paddedSeconds: number,
  quality: Quality,
  recognition: Recognition | null,
): string[] {
  const said = [...notes];
  if (paddedSeconds > 0) {
    said.push(`shorter than a clip; ${paddedSeconds.toFixed(2)} s of silence were added`);
  }
  if (quality.silent && !recognition?.silent) {
    said.push(
      `silent (${quality.rmsDb.toFixed(0)} dB of full scale); the image is a guess`,
    );
  }
  if (quality.noiseLike) {
    said.push(
      `more like noise than notes (flatness ${quality.flatness.toFixed(2)}); the image is a guess`,
    );
  }
  return recognition ? [...said, ...recognitionWarnings(recognition)] : said;
}
