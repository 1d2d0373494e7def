import { messageOf } from "../../lib/orlop-error.ts";

/** The runtime's own words without the wrapping of its protocol, as container statuses show them. */
export function runtimeMessage(failure: unknown): string {
  return messageOf(failure).replace(/^rpc error: code = \w+ desc = /u, "");
}
