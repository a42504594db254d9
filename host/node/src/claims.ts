import type { Verified } from "./component.js";

const DECODER = new TextDecoder();

/** What a living access token says (RFC 9068 section 2.2). */
export class Claims {
  readonly #verified: Verified;
  #introspection: Readonly<Record<string, unknown>> | undefined;
  readonly #text: string;

  /** @internal */
  constructor(verified: Verified) {
    this.#verified = verified;
    this.#text = DECODER.decode(verified.answer);
  }

  /** `sub`: the owner of the refresh token that it came from, else that token's id. */
  get subject(): string {
    return this.#part(1);
  }

  /** `client_id`: the public id of the refresh token that it came from. */
  get clientId(): string {
    return this.#part(2);
  }

  /** The granted scopes, separated by spaces. */
  get scope(): string {
    return this.#part(3);
  }

  /** The granted scopes, one by one. */
  get scopes(): string[] {
    return this.scope === "" ? [] : this.scope.split(" ");
  }

  /** `aud`: whom it is for. */
  get audience(): string {
    return this.#part(4);
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
    this.#introspection ??= Object.freeze(JSON.parse(this.#part(0)) as Record<string, unknown>);
    return this.#introspection;
  }

  toJSON(): unknown {
    return this.introspection;
  }

  /** The answer is one run of bytes: the RFC 7662 answer, subject, client id, scope, audience. */
  #part(place: 0 | 1 | 2 | 3 | 4): string {
    const { answer, introspectionLength, subjectLength, clientLength, scopeLength, audienceLength } = this.#verified;
    const lengths = [introspectionLength, subjectLength, clientLength, scopeLength, audienceLength];
    let start = 0;
    for (const length of lengths.slice(0, place)) start += length;
    const end = start + (lengths[place] ?? 0);
    // The lengths are in bytes: only where each byte is a character do they count the text as well.
    const isAscii = this.#text.length === answer.length;
    return isAscii ? this.#text.slice(start, end) : DECODER.decode(answer.subarray(start, end));
  }
}
