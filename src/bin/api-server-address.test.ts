import { expect, it } from "vitest";
import { apiServerAddress, apiServerUrl } from "./api-server-address.ts";

it.each([
  ["0.0.0.0", "https://192.0.2.7:6443"],
  ["::", "https://192.0.2.7:6443"],
  ["127.0.0.1", "https://127.0.0.1:6443"],
  ["::1", "https://[::1]:6443"],
])("a server bound to %s is found at %s", (bindAddress, url) => {
  expect(apiServerUrl(apiServerAddress(bindAddress, "192.0.2.7"), 6443)).toBe(url);
});
