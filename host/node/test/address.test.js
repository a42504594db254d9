import assert from "node:assert/strict";
import { test } from "node:test";
import { readAddress } from "../dist/address.js";

test("addresses are read as they are written", () => {
  const v6 = (upper, lower) => ({ tag: "v6", val: [upper, lower] });
  for (const [text, address] of [
    ["127.0.0.1", { tag: "v4", val: 0x7f000001 }],
    ["255.255.255.255", { tag: "v4", val: 0xffffffff }],
    ["::", v6(0n, 0n)],
    ["::1", v6(0n, 1n)],
    ["1::", v6(1n << 48n, 0n)],
    ["2001:db8::8:800:200c:417a", v6(0x20010db800000000n, 0x00080800200c417an)],
    ["2001:DB8:0:0:8:800:200C:417A", v6(0x20010db800000000n, 0x00080800200c417an)],
    ["::ffff:10.1.2.3", v6(0n, 0xffff0a010203n)],
    ["1:2:3:4:5:6:1.2.3.4", v6(0x0001000200030004n, 0x0005000601020304n)],
    ["fe80::1%eth0", v6(0xfe80000000000000n, 1n)],
  ]) {
    assert.deepEqual(readAddress(text), address, text);
  }
});

test("what is no address is nobody's", () => {
  for (const text of [undefined, "", "1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", "localhost", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8", "12345::", "g::", "::1.2.3", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "[::1]", "10.0.0.1:80", " 1.2.3.4"]) {
    assert.equal(readAddress(text), undefined, text);
  }
});
