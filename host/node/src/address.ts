import type { IpAddress } from "./component.js";

/** The peer's address for the rules. What cannot be read is `undefined`: a peer that nobody knows is outside every network. */
export function readAddress(text: string | undefined): IpAddress | undefined {
  if (text === undefined) return undefined;
  const v4 = readV4(text);
  if (v4 !== undefined) return { tag: "v4", val: v4 };
  const v6 = readV6(text);
  return v6 === undefined ? undefined : { tag: "v6", val: v6 };
}

const V4 = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

function readV4(text: string): number | undefined {
  const match = V4.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (const part of match.slice(1)) {
    const octet = Number(part);
    if (octet > 255) return undefined;
    address = address * 256 + octet;
  }
  return address;
}

const GROUP = /^[0-9a-fA-F]{1,4}$/;

/** RFC 4291 section 2.2; a zone (`%eth0`) says which link, and is no part of the address. */
function readV6(text: string): [bigint, bigint] | undefined {
  const halves = (text.split("%", 1)[0] ?? "").split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, place) => readGroups(half, place === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])];
  const half = (part: number[]) => part.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
  return [half(groups.slice(0, 4)), half(groups.slice(4))];
}

/** An IPv4 address may stand at the very end alone. */
function readGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const words = text.split(":");
  for (const [place, word] of words.entries()) {
    const v4 = isLast && place === words.length - 1 ? readV4(word) : undefined;
    if (v4 !== undefined) groups.push(Math.floor(v4 / 65536), v4 % 65536);
    else if (GROUP.test(word)) groups.push(Number.parseInt(word, 16));
    else return undefined;
  }
  return groups;
}
