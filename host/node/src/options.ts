import { byFetch, byNode, type Transport } from "./transport.js";

/** What the verifier tells its surroundings. A hook that throws is ignored. */
export interface Hooks {
  /** Each judgement: `alive`, or why it was refused. Cheap things alone: it runs within `verify`. */
  verdict?(code: string): void;
  /** A live document was loaded. */
  loaded?(status: { sequence: bigint; epoch: bigint; cuts: number }): void;
  /** A poll failed. It is repeated until it succeeds. */
  failed?(error: unknown): void;
  /** Something that an operator should see. By default it goes to `console.warn`. Never holds a secret. */
  warning?(warning: Warning): void;
}

/** Something that an operator should see. */
export type Warning =
  /** The machine's clock and the authority's differ by so many seconds (positive: the machine's is ahead), more than 10; 0: no longer. */
  | { readonly kind: "clock"; readonly offBySeconds: number }
  /** The feed sent a document that the rules did not take. Nothing is accepted until there is a good one. */
  | { readonly kind: "document-refused"; readonly code: string }
  /** The authority does not let this edge wait for news, most often for want of a credential with `jeton:live`: revocations arrive up to half a
   * second later. */
  | { readonly kind: "polling"; readonly status: number }
  /** The component trapped. A new instance takes its place; nothing is accepted until it has a live set. */
  | { readonly kind: "fault"; readonly error: unknown };

/** How a {@link Verifier} is set up. */
export interface VerifierOptions {
  /** The authority's base URL. */
  readonly authority: string;
  /** A refresh token with the scope `jeton:live`, for polls that wait. Secret. */
  readonly credential?: string;
  /** Takes `http` for an authority that is not on loopback. Whoever sits on that path decides which tokens live. */
  readonly allowPlainHttp?: boolean;
  /** Certificates (PEM) to trust instead of the system's; not in browsers. */
  readonly ca?: string;
  /** Another `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  readonly hooks?: Hooks;
}

/** Options that were checked. */
export interface Setup {
  readonly live: string;
  readonly authorization: string | undefined;
  readonly transport: Transport;
  readonly hooks: Hooks;
}

const KNOWN = new Set(["authority", "credential", "allowPlainHttp", "ca", "fetch", "hooks"]);

/** Checks options. Throws a `TypeError` that names what is wrong, and never the credential. */
export function checked(options: VerifierOptions): Setup {
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw new TypeError(`there is no option \`${name}\``);
  }
  const { authority, credential, allowPlainHttp = false, ca, hooks = {} } = options;
  if (typeof authority !== "string" || !URL.canParse(authority)) throw new TypeError("`authority` is not a URL");
  const base = new URL(authority);
  if (base.username !== "" || base.password !== "" || base.search !== "" || base.hash !== "") {
    throw new TypeError("`authority` is a base URL: no user, query or fragment");
  }
  if (base.protocol === "http:") {
    if (!allowPlainHttp && !isLoopback(base.hostname)) {
      throw new TypeError("`authority` must be https, except on loopback; `allowPlainHttp` permits it");
    }
  } else if (base.protocol !== "https:") {
    throw new TypeError("`authority` must be https or http");
  }
  if (credential !== undefined && !/^[\x21-\x7e]+$/.test(credential)) throw new TypeError("`credential` is not a token");
  if (ca !== undefined && base.protocol !== "https:") throw new TypeError("`ca` is for https");
  return {
    live: `${base.href.replace(/\/+$/, "")}/v1/live`,
    authorization: credential === undefined ? undefined : `Basic ${btoa(`edge:${credential}`)}`,
    transport: ca === undefined ? byFetch(options.fetch ?? globalThis.fetch.bind(globalThis)) : byNode(ca),
    hooks,
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
