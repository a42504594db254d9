// Builds `dist`: the verifier component as JavaScript and core modules (jco), then the library (tsc).
//
//   npm run build                              with the components that `jeton policy export` writes beside this package
//   JETON_VERIFIER=FILE npm run build          with another component of the verifier world

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { transpile } from "@bytecodealliance/jco";
import { minify } from "terser";

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const policy = here("dist/policy/");

rmSync(here("dist"), { recursive: true, force: true });
mkdirSync(policy, { recursive: true });

const component = readFileSync(process.env.JETON_VERIFIER ?? here("jeton-verifier.wasm"));
const { files, imports } = await transpile(component, {
  name: "verifier",
  instantiation: { tag: "async" },
  noComponentErrorWrapping: true,
  wasiShim: false,
});
// A component that could reach anything outside of itself is no verifier.
if (imports.length > 0) throw new Error(`the verifier imports ${imports.join(", ")}`);

const cores = {};
for (const [name, content] of Object.entries(files)) {
  if (name.endsWith(".wasm")) cores[name] = Buffer.from(content).toString("base64");
  else if (name.endsWith(".d.ts")) write(name, content);
  else {
    // The bindings describe each step of each call to a log that is off, which costs more than the call.
    const { code } = await minify(Buffer.from(content).toString(), {
      module: true,
      mangle: true,
      compress: { defaults: false, dead_code: true, pure_funcs: ["_debugLog"], side_effects: true, unused: true },
    });
    write(name, code);
  }
}
// Text in a module is what Node, Deno, Bun, browsers and bundlers all load in the same way.
write("cores.js", `export const cores = ${JSON.stringify(cores)};\n`);
write("cores.d.ts", "/** Core modules of the verifier component by name, in base64. */\nexport declare const cores: Record<string, string>;\n");
execFileSync(process.execPath, [here("node_modules/typescript/bin/tsc"), "--project", here("tsconfig.json")], { stdio: "inherit" });

function write(name, content) {
  const path = policy + name;
  mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  writeFileSync(path, content);
}
