import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { compressed } from "./build.ts";

const node = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [compressed(fileURLToPath(new URL("../dist/assets", import.meta.url)))],
  build: {
    outDir: "../dist",
    emptyOutDir: true, // public/.keep puts back the file that keeps the folder in git
    // Nothing is inlined as a data: URL, so that a strict Content-Security-Policy holds.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: {
    proxy: {
      "/api": node,
      "/live": { target: node, ws: true },
    },
  },
});
