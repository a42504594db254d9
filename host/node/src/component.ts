/** The verifier component itself: the rules, as the authority runs them. It imports nothing. */

import { cores } from "./policy/cores.js";
import { instantiate } from "./policy/verifier.js";
import type { IpAddress } from "./policy/interfaces/jeton-policy-types.js";
import type { LoadRefusal, Moment, NetworkVerdict, Refusal, Verified } from "./policy/interfaces/jeton-policy-verification.js";

export { readAddress } from "./address.js";
export type { IpAddress, LoadRefusal, Moment, NetworkVerdict, Refusal, Verified };

/** What is held after a load. */
export interface Held {
  /** The live set's sequence. */
  readonly sequence: bigint;
  /** The epoch's number. */
  readonly epoch: bigint;
  /** How many cuts it has. */
  readonly cuts: number;
}

/** An instance of the component. Refusals are thrown as the words of the contract; anything else that is thrown is a fault of the instance. */
export interface Instance {
  /** Takes a live document, whole or what changed since the one held. Throws a {@link LoadRefusal}. */
  load(document: Uint8Array): Held;
  /** Judges an access token. Throws a {@link Refusal}. */
  verify(token: string, at: Moment, enforceLease: boolean): Verified;
}

let compiled: Promise<ReadonlyMap<string, WebAssembly.Module>> | undefined;

/** A new instance, which holds nothing and so accepts nothing. The code is compiled once per process. */
export async function newInstance(): Promise<Instance> {
  compiled ??= compile();
  const modules = await compiled;
  const root = await instantiate(
    (name) => {
      const module = modules.get(name);
      if (module === undefined) throw new Error(`the package has no core module ${name}`);
      return module;
    },
    {} as Parameters<typeof instantiate>[1],
    async (module, imports) => new WebAssembly.Instance(module, imports),
  );
  return root.verification;
}

async function compile(): Promise<ReadonlyMap<string, WebAssembly.Module>> {
  const modules = new Map<string, WebAssembly.Module>();
  for (const [name, base64] of Object.entries(cores)) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    modules.set(name, await WebAssembly.compile(bytes));
  }
  return modules;
}
