import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** What gets smaller. Fonts are compressed already. */
const text = /\.(js|css|svg|txt)$/;

/** Puts a .br and a .gz beside each built file that is smaller so. The node serves them in its place. */
export function compressed(dir: string): Plugin {
  return {
    name: "compressed",
    apply: "build",
    closeBundle() {
      for (const name of readdirSync(dir).filter((n) => text.test(n))) {
        const plain = readFileSync(join(dir, name));
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length };
        const forms = { br: brotliCompressSync(plain, { params }), gz: gzipSync(plain, { level: constants.Z_BEST_COMPRESSION }) };
        for (const [ending, form] of Object.entries(forms)) {
          if (form.length < plain.length) writeFileSync(join(dir, `${name}.${ending}`), form);
        }
      }
    },
  };
}
