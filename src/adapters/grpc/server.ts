import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { messageOf } from "../../lib/orlop-error.ts";
import type { Method } from "./connection.ts";

/** A generated service description. */
export interface Service {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, Method<unknown, unknown>>>;
}

type RequestOf<M> = M extends Method<infer Request, infer _Response> ? Request : never;
type ResponseOf<M> = M extends Method<infer _Request, infer Response> ? Response : never;

/** One handler per unary method; a missing one answers UNIMPLEMENTED. The signal aborts when the caller gives up. */
export type ServiceHandlers<S extends Service> = {
  readonly [Name in keyof S["methods"]]?: (
    request: RequestOf<S["methods"][Name]>,
    signal: AbortSignal,
  ) => Promise<ResponseOf<S["methods"][Name]>>;
};

/** An answer other than OK. Any other error of a handler answers INTERNAL with its text. */
export class GrpcStatusError extends Error {
  override readonly name = "GrpcStatusError";
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

/** Collects services, then serves them on a unix socket until it is closed. */
export interface GrpcServer {
  add<S extends Service>(service: S, handlers: ServiceHandlers<S>): void;
  /** @param path absolute path of the socket; a file that is left there must be gone already */
  listen(path: string): Promise<void>;
  /** Ends all calls at once and removes the socket. */
  close(): void;
}

export function createGrpcServer(): GrpcServer {
  const server = new Server();
  return {
    add(service, handlers) {
      const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
      const implementation: UntypedServiceImplementation = {};
      for (const [key, method] of Object.entries(service.methods)) {
        const handler: unknown = Reflect.get(handlers, key);
        if (typeof handler !== "function") continue;
        const { requestType, responseType } = method;
        definition[method.name] = {
          path: `/${service.fullName}/${method.name}`,
          requestStream: false,
          responseStream: false,
          requestSerialize: (message: unknown) => Buffer.from(requestType.encode(message).finish()),
          requestDeserialize: (bytes) => requestType.decode(bytes),
          responseSerialize: (message: unknown) => Buffer.from(responseType.encode(message).finish()),
          responseDeserialize: (bytes) => responseType.decode(bytes),
        };
        implementation[method.name] = (
          call: ServerUnaryCall<unknown, unknown>,
          answer: sendUnaryData<unknown>,
        ): void => {
          const cancelled = new AbortController();
          call.on("cancelled", () => cancelled.abort(new Error("the caller cancelled the call")));
          Promise.resolve()
            .then((): unknown => Reflect.apply(handler, handlers, [call.request, cancelled.signal]))
            .then(
              (response) => answer(null, response),
              (reason: unknown) => answer(statusOf(reason)),
            );
        };
      }
      server.addService(definition, implementation);
    },
    listen: (path) =>
      new Promise((resolve, reject) => {
        server.bindAsync(`unix://${path}`, ServerCredentials.createInsecure(), (failure) => {
          if (failure === null) resolve();
          else reject(failure);
        });
      }),
    close: () => server.forceShutdown(),
  };
}

function statusOf(reason: unknown): { readonly code: status; readonly details: string } {
  const code = reason instanceof GrpcStatusError ? reason.code : status.INTERNAL;
  return { code, details: messageOf(reason) };
}
