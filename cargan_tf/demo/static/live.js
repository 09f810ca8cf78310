// The live tab: sound of the microphone, or of a file, goes to the server; images come back.

const HISTORY_SECONDS = 5;
const CHUNK_SECONDS = 0.02;
const COLUMNS = Math.round(HISTORY_SECONDS / CHUNK_SECONDS);
const ROWS = 96;
const LOWEST_HZ = 50;
// Bytes that wait to be sent: beyond them the network is too slow and chunks are dropped.
const MOST_WAITING = 1 << 16;
// What is sent before a chunk: when it ended.
const TIME_BYTES = 8;
// From silent to loud.
const COLORS = [[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]];

const REFUSED = {
  NotAllowedError: "The microphone was refused: allow it for this page in the browser, then start again.",
  NotFoundError: "There is no microphone: connect one, then start again.",
  NotReadableError: "The microphone cannot be read: another program may be using it.",
};

export function setUp(root) {
  const one = (name) => root.querySelector(`[data-live=${name}]`);
  const view = {
    start: one("start"), source: one("source"), label: one("label"), player: one("player"),
    message: one("message"), caption: one("caption"), speed: one("speed"),
    image: one("image").getContext("2d"),
    waveform: one("waveform").getContext("2d"), spectrogram: one("spectrogram").getContext("2d"),
  };
  let playing = null;

  function stop(message = "") {
    playing?.end();
    playing = null;
    view.start.textContent = "Start";
    view.start.disabled = false;
    view.start.setAttribute("aria-pressed", "false");
    view.message.textContent = message;
    view.speed.textContent = "";
  }

  async function start() {
    view.start.disabled = true;
    view.message.textContent = "Starting…";
    const mine = new Playing(root, view, (message) => playing === mine && stop(message));
    playing = mine;
    try {
      await mine.begin();
    } catch (error) {
      if (playing === mine) stop(REFUSED[error.name] ?? `It cannot start: ${error.message}.`);
      else mine.end();
      return;
    }
    if (playing !== mine) {  // it was left meanwhile
      mine.end();
      return;
    }
    view.start.textContent = "Stop";
    view.start.disabled = false;
    view.start.setAttribute("aria-pressed", "true");
    view.message.textContent = "";
  }

  view.start.addEventListener("click", () => (playing ? stop() : start()));
  view.source?.addEventListener("change", () => stop());
  for (const list of [view.label, view.player]) {
    list?.addEventListener("change", () => playing?.sendSettings());
  }
  // Another tab of the page, another tab of the browser, or another page.
  new ResizeObserver(() => root.offsetParent === null && playing && stop()).observe(root);
  document.addEventListener("visibilitychange", () => document.hidden && playing && stop());
  window.addEventListener("pagehide", () => playing && stop());
  view.start.disabled = false;
}

class Playing {
  constructor(root, view, ended) {
    Object.assign(this, { root, view, ended, shown: [], resting: false, over: false });
    this.ink = getComputedStyle(view.waveform.canvas).color;
  }

  async begin() {
    // Within the click: a browser starts no sound without one.
    this.context = new AudioContext({ latencyHint: "interactive" });
    const [source] = await Promise.all([
      this.view.source?.value === "file" ? this.file() : this.microphone(),
      this.context.audioWorklet.addModule(new URL("chunks.js", import.meta.url)),
      this.context.resume(),
      this.connect(),
    ]);
    const chunks = new AudioWorkletNode(this.context, "chunks", { numberOfInputs: 1 });
    chunks.port.onmessage = ({ data }) => this.heard(data.samples, data.end);
    this.analyser = new AnalyserNode(this.context, { fftSize: 2048, smoothingTimeConstant: 0 });
    this.levels = new Uint8Array(this.analyser.frequencyBinCount);
    source.connect(this.analyser);
    source.connect(chunks).connect(this.context.destination);  // silence; unconnected, it sleeps
    this.sendSettings();
    this.audio?.play();
    this.timer = setInterval(() => this.showSpeed(), 500);
  }

  async microphone() {
    if (!navigator.mediaDevices) {
      throw new Error("browsers give the microphone only to pages of this machine or over HTTPS");
    }
    // As it is: what makes speech clear makes music something else.
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    if (this.over) this.release();  // it was granted too late
    this.stream.getTracks()[0].onended = () => this.ended("The microphone is gone.");
    return new MediaStreamAudioSourceNode(this.context, { mediaStream: this.stream });
  }

  file() {
    this.audio = new Audio(new URL("sound.wav", import.meta.url));
    this.audio.onended = () => this.ended();
    this.audio.onerror = () => this.ended("The file cannot be played.");
    const source = new MediaElementAudioSourceNode(this.context, { mediaElement: this.audio });
    source.connect(this.context.destination);
    return source;
  }

  connect() {
    const address = new URL("socket", import.meta.url);
    address.protocol = address.protocol.replace("http", "ws");
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => this.show(data);
    return new Promise((opened, failed) => {
      this.socket.onopen = opened;
      this.socket.onclose = ({ reason }) => {
        failed(new Error(reason || "the server does not answer"));
        this.ended(reason ? `It was stopped: ${reason}.` : "The server is gone.");
      };
    });
  }

  sendSettings() {
    this.send(JSON.stringify({
      rate: this.context.sampleRate,
      label: this.view.label.value,
      player: this.view.player ? Number(this.view.player.value) : null,
    }));
  }

  send(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(message);
  }

  heard(samples, end) {
    if (this.over) return;
    if (this.socket.bufferedAmount < MOST_WAITING) {
      const message = new ArrayBuffer(TIME_BYTES + samples.byteLength);
      new DataView(message).setFloat64(0, end);
      new Int16Array(message, TIME_BYTES).set(samples);
      this.send(message);
    }
    this.drawWaveform(samples);
    this.drawSpectrogram();
  }

  async show(message) {
    const bytes = new DataView(message);
    const end = bytes.getFloat64(0);
    const length = bytes.getUint16(TIME_BYTES);
    const begin = TIME_BYTES + 2;
    const facts = JSON.parse(new TextDecoder().decode(new Uint8Array(message, begin, length)));
    const content = new Blob([new Uint8Array(message, begin + length)], { type: "image/jpeg" });
    const bitmap = await createImageBitmap(content);
    if (this.over) return;
    const { canvas } = this.view.image;
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    }
    this.view.image.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.send('{"shown": true}');
    const now = this.context.currentTime;
    this.shown.push({ now, latency: now - end });
    this.resting = facts.resting;
    const caption = facts.resting ? `${facts.said}, at rest` : facts.said;
    if (this.view.caption.textContent !== caption) this.view.caption.textContent = caption;
    canvas.setAttribute("aria-label", `Image: ${caption}`);
  }

  showSpeed() {
    const now = this.context.currentTime;
    this.shown = this.shown.filter((image) => image.now > now - 1);
    const latencies = this.shown.map((image) => image.latency).sort((a, b) => a - b);
    if (latencies.length < 2) {
      this.view.speed.textContent = this.resting ? "0 images/s: nothing sounds" : "listening";
      return;
    }
    const median = Math.round(latencies[latencies.length >> 1] * 1000);
    this.view.speed.textContent = `${latencies.length} images/s, ${median} ms from sound to image`;
  }

  drawWaveform(samples) {
    let peak = 0;
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
    const { waveform } = this.view;
    const { canvas } = waveform;
    if (canvas.width !== COLUMNS) Object.assign(canvas, { width: COLUMNS, height: ROWS });
    // Moved by one column instead of painted anew: the browser shares the processor with the model.
    waveform.globalCompositeOperation = "copy";
    waveform.drawImage(canvas, -1, 0);
    waveform.globalCompositeOperation = "source-over";
    const height = Math.max(1, (peak / 32768) * ROWS);
    waveform.fillStyle = this.ink;
    waveform.fillRect(COLUMNS - 1, (ROWS - height) / 2, 1, height);
  }

  drawSpectrogram() {
    const { spectrogram } = this.view;
    const { canvas } = spectrogram;
    if (canvas.width !== COLUMNS) Object.assign(canvas, { width: COLUMNS, height: ROWS });
    this.analyser.getByteFrequencyData(this.levels);
    spectrogram.drawImage(canvas, -1, 0);
    const column = spectrogram.createImageData(1, ROWS);
    const highest = Math.min(11025, this.context.sampleRate / 2);
    const bins = this.levels.length / (this.context.sampleRate / 2);
    const edge = (row) => LOWEST_HZ * (highest / LOWEST_HZ) ** (row / ROWS) * bins;
    for (let row = 0; row < ROWS; row += 1) {
      const last = Math.max(Math.floor(edge(row)) + 1, Math.ceil(edge(row + 1)));
      const loudest = Math.max(...this.levels.subarray(Math.floor(edge(row)), last));
      column.data.set([...colorOf(loudest / 255), 255], 4 * (ROWS - 1 - row));
    }
    spectrogram.putImageData(column, COLUMNS - 1, 0);
  }

  release() {
    this.stream?.getTracks().forEach((track) => track.stop());
  }

  end() {
    this.over = true;
    this.ended = () => {};
    clearInterval(this.timer);
    this.audio?.pause();
    this.release();
    this.socket?.close();
    if (this.context?.state !== "closed") this.context?.close();
  }
}

function colorOf(level) {
  const position = level * (COLORS.length - 1);
  const below = Math.min(Math.floor(position), COLORS.length - 2);
  return COLORS[below].map((low, channel) => low + (position - below) * (COLORS[below + 1][channel] - low));
}
