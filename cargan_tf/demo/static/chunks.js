// Cuts what is heard into chunks of 16-bit samples, as an AudioWorklet.

const SECONDS = 0.02;

class Chunks extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.max(1, Math.round((SECONDS * sampleRate) / 128)) * 128;
    this.begin();
  }

  begin() {
    this.samples = new Int16Array(this.size);
    this.filled = 0;
  }

  process([channels]) {
    // No channels: the source gives nothing for the moment.
    const length = channels.length ? channels[0].length : 128;
    for (let index = 0; index < length; index += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[index];
      const mean = channels.length ? sum / channels.length : 0;
      this.samples[this.filled] = Math.round(Math.max(-1, Math.min(1, mean)) * 32767);
      this.filled += 1;
      if (this.filled === this.size) {
        const end = currentTime + (index + 1) / sampleRate;
        this.port.postMessage({ samples: this.samples, end }, [this.samples.buffer]);
        this.begin();
      }
    }
    return true;
  }
}

registerProcessor("chunks", Chunks);
