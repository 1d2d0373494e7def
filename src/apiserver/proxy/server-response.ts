import { badRequest, internalError, StatusError } from "../../api/status-error.ts";

/** Reason and text for answers of another server that speaks no Status. */
const KNOWN: Readonly<Record<number, readonly [reason: string, message: string]>> = {
  401: ["Unauthorized", "the server has asked for the client to provide credentials"],
  404: ["NotFound", "the server could not find the requested resource"],
  405: ["MethodNotAllowed", "the server does not allow this method on the requested resource"],
  409: ["Conflict", "the server reported a conflict"],
  422: ["Invalid", "the server rejected our request due to an error in our request"],
  429: ["TooManyRequests", "the server has received too many requests and has asked us to try again later"],
  503: ["ServiceUnavailable", "the server is currently unable to handle the request"],
  504: [
    "Timeout",
    "the server was unable to return a response in the time allotted, but may still be processing the request",
  ],
};

/** Turns an error answer of a kubelet into the Status a client of the API server knows. */
export function serverResponseError(code: number, body: string, resource: string, name: string): StatusError {
  if (code === 500) return internalError(body);
  if (code === 400) return badRequest(body);
  let [reason, message] = KNOWN[code] ?? [
    "",
    `the server responded with the status code ${code} but did not return more information`,
  ];
  if (code === 403) [reason, message] = ["Forbidden", body];
  else if (code > 500 && KNOWN[code] === undefined) {
    reason = "InternalError";
    message = `an error on the server (${JSON.stringify(body)}) has prevented the request from succeeding`;
  }
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `${message} ( ${resource} ${name})`,
    ...(reason !== "" && { reason }),
    details: { name, kind: resource },
    code,
  });
}
