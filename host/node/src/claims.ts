import type { Verified } from "./component.js";

// What looks like a byte order mark is a part of a text like any other: without it, two subjects would be one.
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** What a living access token says (RFC 9068 section 2.2). */
export class Claims {
  readonly #verified: Verified;
  #introspection: Readonly<Record<string, unknown>> | undefined;

  /** @internal */
  constructor(verified: Verified) {
    this.#verified = verified;
  }

  /** `sub`: the owner of the refresh token that it came from, else that token's id. */
  get subject(): string {
    return this.#part(this.#verified.introspectionLength, this.#verified.subjectLength);
  }

  /** `client_id`: the public id of the refresh token that it came from. */
  get clientId(): string {
    const { introspectionLength, subjectLength, clientLength } = this.#verified;
    return this.#part(introspectionLength + subjectLength, clientLength);
  }

  /** The granted scopes, separated by spaces. */
  get scope(): string {
    const { answer, scopeLength, audienceLength } = this.#verified;
    return this.#part(answer.length - audienceLength - scopeLength, scopeLength);
  }

  /** The granted scopes, one by one. */
  get scopes(): string[] {
    return this.scope === "" ? [] : this.scope.split(" ");
  }

  /** `aud`: whom it is for. */
  get audience(): string {
    const { answer, audienceLength } = this.#verified;
    return this.#part(answer.length - audienceLength, audienceLength);
  }

  /** `exp`: the Unix time from which on it is dead. */
  get expiresAt(): number {
    return Number(this.#verified.expiresAt);
  }

  /** `iss`: the authority. */
  get issuer(): string {
    return String(this.introspection["iss"]);
  }

  /** `iat`: the Unix time of its minting. */
  get issuedAt(): number {
    return Number(this.introspection["iat"]);
  }

  /** `jti`: its own id. */
  get jti(): string {
    return String(this.introspection["jti"]);
  }

  /** The whole RFC 7662 answer. */
  get introspection(): Readonly<Record<string, unknown>> {
    this.#introspection ??= Object.freeze(JSON.parse(this.#part(0, this.#verified.introspectionLength)) as Record<string, unknown>);
    return this.#introspection;
  }

  toJSON(): unknown {
    return this.introspection;
  }

  /** The answer is one run of bytes: the RFC 7662 answer, subject, client id, scope, audience. */
  #part(start: number, length: number): string {
    return DECODER.decode(this.#verified.answer.subarray(start, start + length));
  }
}
