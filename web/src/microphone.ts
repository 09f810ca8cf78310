/** The newest samples of the microphone; nothing older is kept. */

import captureUrl from "./capture.ts?worker&url";
import { UserError } from "./errors";

export class Microphone {
  private samples: Float32Array;
  private heard = 0;
  /** When the newest sample came, by `performance.now()`. */
  newest = 0;
  /** Called when the microphone is taken away. */
  onended: () => void = () => undefined;

  private constructor(
    private readonly stream: MediaStream,
    private readonly context: AudioContext,
    seconds: number,
  ) {
    this.samples = new Float32Array(Math.ceil(seconds * context.sampleRate));
    for (const track of stream.getTracks()) track.onended = () => this.onended();
  }

  /** Ask for the microphone; keeps the newest `seconds` of it, at `rate` where the browser can. */
  static async open(seconds: number, rate: number): Promise<Microphone> {
    if (!navigator.mediaDevices) {
      throw new UserError(
        "The microphone works on pages of https or localhost only: ask for the page by https.",
      );
    }
    let stream: MediaStream;
    try {
      // Meant for speech, these would take an instrument for noise.
      const off = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      stream = await navigator.mediaDevices.getUserMedia({ audio: off });
    } catch (error) {
      throw new UserError(refusal(error));
    }
    try {
      return await Microphone.listening(stream, seconds, rate);
    } catch (error) {
      // Firefox does not bring a microphone to another rate; the page then does.
      if (!(error instanceof DOMException && error.name === "NotSupportedError")) throw error;
      return await Microphone.listening(stream, seconds);
    }
  }

  private static async listening(
    stream: MediaStream,
    seconds: number,
    sampleRate?: number,
  ): Promise<Microphone> {
    const context = new AudioContext({ latencyHint: "interactive", sampleRate });
    const microphone = new Microphone(stream, context, seconds);
    try {
      await context.audioWorklet.addModule(captureUrl);
      const capture = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
      capture.port.onmessage = ({ data }: MessageEvent<Float32Array>) => microphone.add(data);
      context.createMediaStreamSource(stream).connect(capture);
      await context.resume();
      return microphone;
    } catch (error) {
      if (sampleRate === undefined) await microphone.close();
      else await context.close();
      throw error;
    }
  }

  get rate(): number {
    return this.context.sampleRate;
  }

  /** Whether as much was heard as is kept. */
  get full(): boolean {
    return this.heard >= this.samples.length;
  }

  /** A copy of what is kept. */
  take(): Float32Array {
    return this.samples.slice();
  }

  /** Give the microphone back and drop what was heard. */
  async close(): Promise<void> {
    for (const track of this.stream.getTracks()) {
      track.onended = null;
      track.stop();
    }
    this.samples.fill(0);
    this.samples = new Float32Array(0);
    if (this.context.state !== "closed") await this.context.close();
  }

  private add(block: Float32Array): void {
    if (this.samples.length < block.length) return;
    this.samples.copyWithin(0, block.length);
    this.samples.set(block, this.samples.length - block.length);
    this.heard += block.length;
    this.newest = performance.now();
  }
}

function refusal(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") {
    return "The microphone was refused: allow it for this page in the browser's settings, then try again.";
  }
  if (name === "NotFoundError" || name === "OverconstrainedError") {
    return "No microphone was found: connect one, then try again.";
  }
  return "The microphone cannot be used: another program may have it; close that, then try again.";
}
