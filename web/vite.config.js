import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

/** Into the package, where `cargan web` finds it in a checkout and in a wheel alike. */
const OUT = "../cargan_tf/demo/site";

/** Writes sw.js, which must know the names of all other files and lie beside index.html. */
function serviceWorker() {
  return {
    name: "service-worker",
    generateBundle(_, bundle) {
      const source = readFileSync(new URL("src/sw.js", import.meta.url), "utf-8");
      const small = Object.keys(bundle).filter((name) => !name.endsWith(".wasm"));
      const files = ["./", ...small.filter((name) => name !== "index.html").sort()];
      const text = source.replace("/*FILES*/", files.map((name) => JSON.stringify(name)).join(", "));
      const page = bundle["index.html"];
      const content = text + ("source" in page ? page.source : "");
      const version = createHash("sha256").update(content).digest("hex").slice(0, 12);
      this.emitFile({
        type: "asset",
        fileName: "sw.js",
        source: text.replace("/*VERSION*/", version),
      });
    },
  };
}

export default defineConfig({
  base: "./", // works in any folder of a host
  build: { outDir: OUT, emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
  worker: { format: "es" },
  plugins: [{ ...serviceWorker(), enforce: "post" }],
});
