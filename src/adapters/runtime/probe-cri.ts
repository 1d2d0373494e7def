import { connect as connectHttp2, constants } from "node:http2";
import { connect as connectSocket } from "node:net";

export type CriState = "ready" | "without CRI" | "silent";

const PROBE_MILLISECONDS = 1_000;
const UNIMPLEMENTED = "12";
/** gRPC framing of a message without fields: not compressed, length 0. */
const EMPTY_MESSAGE = Buffer.alloc(5);

/** Whether a CRI v1 runtime answers `Version` on a socket. Never throws: a server that is not there yet is "silent". */
export async function probeCri(socket: string): Promise<CriState> {
  return new Promise((resolve) => {
    const session = connectHttp2("http://localhost", { createConnection: () => connectSocket(socket) });
    const done = (state: CriState): void => {
      resolve(state);
      session.destroy();
    };
    session.once("error", () => done("silent"));
    session.once("close", () => done("silent"));
    session.setTimeout(PROBE_MILLISECONDS, () => done("silent"));
    const call = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: "/runtime.v1.RuntimeService/Version",
      [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
      [constants.HTTP2_HEADER_TE]: "trailers",
    });
    call.once("error", () => done("silent"));
    const judge = (headers: Readonly<Record<string, unknown>>): void => {
      const status = headers["grpc-status"];
      if (status === "0") done("ready");
      else if (status !== undefined) done(status === UNIMPLEMENTED ? "without CRI" : "silent");
    };
    // An error may come in the headers, success comes in the trailers.
    call.once("response", judge);
    call.once("trailers", judge);
    call.resume();
    call.end(EMPTY_MESSAGE);
  });
}
