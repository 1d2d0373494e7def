import type { HttpRequest, HttpResponse } from "../../ports/http.ts";
import type { AccessVerdict } from "../authorization/check-access.ts";
import { plainAnswer } from "../streaming/plain-answers.ts";

/** Authenticates and authorises one request, on its method and its one parsed path. */
export type CheckAccess = (request: HttpRequest) => Promise<AccessVerdict>;

/** The answer to a request that may not go on, with upstream's texts. The API server's reasons are not passed on. */
export function refusal(verdict: Exclude<AccessVerdict, { readonly access: "granted" }>): HttpResponse {
  switch (verdict.access) {
    case "unauthenticated":
      return plainAnswer(401, "Unauthorized");
    case "forbidden":
      return plainAnswer(
        403,
        `Forbidden (user=${verdict.user.name}, verb=${verdict.verb}, resource=nodes, subresource(s)=[${verdict.subresources.join(" ")}])\n`,
      );
    case "error":
      return plainAnswer(
        500,
        `Authorization error (user=${verdict.user.name}, verb=${verdict.verb}, resource=nodes, subresource=${verdict.subresource})`,
      );
  }
}
