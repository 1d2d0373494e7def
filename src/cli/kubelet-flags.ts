import { type Command, Option } from "commander";
import { parseAddress, parseBoolean, parseCount, parsePort } from "./flag-values.ts";

/** Flags of `orlop kubelet` that stand for a field of KubeletConfiguration; one that is given wins over all files. */
export interface KubeletFieldFlags {
  readonly address?: string;
  readonly port?: number;
  readonly healthzPort?: number;
  readonly readOnlyPort?: number;
  readonly clientCaFile?: string;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly anonymousAuth?: boolean;
  readonly authorizationMode?: string;
  readonly rotateCertificates?: boolean;
  readonly rotateServerCertificates?: boolean;
  readonly registerNode?: boolean;
  readonly podManifestPath?: string;
  readonly maxPods?: number;
  readonly auditLogPath?: string;
  readonly auditLogMaxsize?: number;
  readonly auditLogMaxbackup?: number;
}

export function addKubeletFieldFlags(command: Command): Command {
  const boolean = (name: string, about: string): Command =>
    command.addOption(new Option(`${name} [bool]`, about).argParser(parseBoolean(name)).preset("true"));
  command
    .option("--address <address>", "address to listen on", parseAddress("--address"))
    .option("--port <port>", "port of the kubelet API", parsePort("--port"))
    .option(
      "--healthz-port <port>",
      "port of /healthz on localhost, 0 for none",
      parsePort("--healthz-port", { zero: true }),
    )
    .option(
      "--read-only-port <port>",
      "port without authentication, 0 for none",
      parsePort("--read-only-port", { zero: true }),
    )
    .option("--client-ca-file <file>", "authorities whose client certificates are accepted")
    .option("--tls-cert-file <file>", "serving certificate (default: a self-signed one)")
    .option("--tls-private-key-file <file>", "its key")
    .option("--authorization-mode <mode>", "Webhook or AlwaysAllow")
    .option("--pod-manifest-path <directory>", "static pods")
    .option("--max-pods <count>", "pods this node takes at most", parseCount("--max-pods"))
    .option("--audit-log-path <file>", "trail of requests to the kubelet API, one JSON line each")
    .option("--audit-log-maxsize <megabytes>", "size at which the trail is rotated", parseCount("--audit-log-maxsize"))
    .option(
      "--audit-log-maxbackup <count>",
      "rotated files of the trail that are kept",
      parseCount("--audit-log-maxbackup"),
    );
  boolean("--anonymous-auth", "let requests without credentials be authorized as system:anonymous");
  boolean("--rotate-certificates", "renew the client certificate by certificate signing requests");
  boolean("--rotate-server-certificates", "get and renew the serving certificate by certificate signing requests");
  boolean("--register-node", "register this node with the API server");
  return command;
}

/** What the flags say, as a KubeletConfiguration document. */
export function kubeletFieldDocument(flags: KubeletFieldFlags): Readonly<Record<string, unknown>> {
  const { clientCaFile, anonymousAuth, authorizationMode, auditLogPath, auditLogMaxsize, auditLogMaxbackup } = flags;
  return withoutAbsent({
    address: flags.address,
    port: flags.port,
    healthzPort: flags.healthzPort,
    readOnlyPort: flags.readOnlyPort,
    tlsCertFile: flags.tlsCertFile,
    tlsPrivateKeyFile: flags.tlsPrivateKeyFile,
    rotateCertificates: flags.rotateCertificates,
    serverTLSBootstrap: flags.rotateServerCertificates,
    registerNode: flags.registerNode,
    staticPodPath: flags.podManifestPath,
    maxPods: flags.maxPods,
    authentication: withoutAbsent({
      x509: clientCaFile === undefined ? undefined : { clientCAFile: clientCaFile },
      anonymous: anonymousAuth === undefined ? undefined : { enabled: anonymousAuth },
    }),
    authorization: withoutAbsent({ mode: authorizationMode }),
    auditLog: withoutAbsent({ path: auditLogPath, maxSizeMegabytes: auditLogMaxsize, maxBackups: auditLogMaxbackup }),
  });
}

function withoutAbsent(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) =>
        value !== undefined && !(typeof value === "object" && value !== null && Object.keys(value).length === 0),
    ),
  );
}
