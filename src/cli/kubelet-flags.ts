import { type Command, Option } from "commander";
import { collectList, parseAddress, parseBoolean, parseCount, parsePort } from "./flag-values.ts";

interface FieldFlag {
  /** As commander takes it, e.g. "--port <port>". */
  readonly flag: string;
  /** Where in KubeletConfiguration it belongs, e.g. "authentication.webhook.enabled". */
  readonly field: string;
  readonly about: string;
  /** @default the text as it is */
  readonly parse?: (value: string, previous: never) => unknown;
}

const nameOf = (flag: string): string => flag.split(" ")[0] ?? flag;
const text = (flag: string, field: string, about: string): FieldFlag => ({ flag, field, about });
const boolean = (name: string, field: string, about: string): FieldFlag => ({
  flag: `${name} [bool]`,
  field,
  about,
  parse: parseBoolean(name),
});
const count = (flag: string, field: string, about: string): FieldFlag => ({
  flag,
  field,
  about,
  parse: parseCount(nameOf(flag)),
});
const list = (flag: string, field: string, about: string): FieldFlag => ({ flag, field, about, parse: collectList });
const port = (flag: string, field: string, about: string, zero = false): FieldFlag => ({
  flag,
  field,
  about,
  parse: parsePort(nameOf(flag), { zero }),
});

/** Flags of `orlop kubelet` that stand for a field of KubeletConfiguration, under upstream's names. */
const FIELD_FLAGS: readonly FieldFlag[] = [
  { ...text("--address <address>", "address", "address to listen on"), parse: parseAddress("--address") },
  port("--port <port>", "port", "port of the kubelet API"),
  {
    ...text("--healthz-bind-address <address>", "healthzBindAddress", "address of the healthz port"),
    parse: parseAddress("--healthz-bind-address"),
  },
  port("--healthz-port <port>", "healthzPort", "port of /healthz on localhost, 0 for none", true),
  port("--read-only-port <port>", "readOnlyPort", "port without authentication, 0 for none", true),
  boolean("--enable-server", "enableServer", "serve the kubelet API"),
  boolean("--enable-debugging-handlers", "enableDebuggingHandlers", "serve exec, attach, logs, profiles and the like"),
  boolean("--anonymous-auth", "authentication.anonymous.enabled", "authorize requests without credentials too"),
  boolean("--authentication-token-webhook", "authentication.webhook.enabled", "ask the API server about bearer tokens"),
  text(
    "--authentication-token-webhook-cache-ttl <duration>",
    "authentication.webhook.cacheTTL",
    "how long its answers are remembered",
  ),
  text("--client-ca-file <file>", "authentication.x509.clientCAFile", "authorities of client certificates"),
  text("--authorization-mode <mode>", "authorization.mode", "Webhook or AlwaysAllow"),
  text(
    "--authorization-webhook-cache-authorized-ttl <duration>",
    "authorization.webhook.cacheAuthorizedTTL",
    "how long a yes is remembered",
  ),
  text(
    "--authorization-webhook-cache-unauthorized-ttl <duration>",
    "authorization.webhook.cacheUnauthorizedTTL",
    "how long a no is remembered",
  ),
  text("--tls-cert-file <file>", "tlsCertFile", "serving certificate (default: a self-signed one)"),
  text("--tls-private-key-file <file>", "tlsPrivateKeyFile", "its key"),
  text("--tls-min-version <version>", "tlsMinVersion", "VersionTLS12 or VersionTLS13"),
  list("--tls-cipher-suites <names>", "tlsCipherSuites", "cipher suites of TLS 1.2"),
  boolean("--rotate-certificates", "rotateCertificates", "renew the client certificate by signing requests"),
  boolean("--rotate-server-certificates", "serverTLSBootstrap", "get the serving certificate by signing requests"),
  text(
    "--streaming-connection-idle-timeout <duration>",
    "streamingConnectionIdleTimeout",
    "when an unused exec, attach or port-forward is cut",
  ),
  text("--runtime-request-timeout <duration>", "runtimeRequestTimeout", "limit of calls to the container runtime"),
  boolean("--register-node", "registerNode", "register this node with the API server"),
  text("--pod-manifest-path <directory>", "staticPodPath", "static pods"),
  count("--max-pods <count>", "maxPods", "pods this node takes at most"),
  list("--cluster-dns <addresses>", "clusterDNS", "DNS servers of pods"),
  text("--cluster-domain <domain>", "clusterDomain", "DNS domain of the cluster"),
  text("--cgroup-driver <driver>", "cgroupDriver", "cgroupfs or systemd"),
  text("--cgroup-root <path>", "cgroupRoot", "control group of all pods"),
  text("--resolv-conf <file>", "resolvConf", "where pods get the node's DNS servers from"),
  boolean("--fail-swap-on", "failSwapOn", "refuse to start while swap is on"),
  text("--audit-log-path <file>", "auditLog.path", "trail of requests to the kubelet API, one JSON line each"),
  count("--audit-log-maxsize <megabytes>", "auditLog.maxSizeMegabytes", "size at which the trail is rotated"),
  count("--audit-log-maxbackup <count>", "auditLog.maxBackups", "rotated files of the trail that are kept"),
];

export function addKubeletFieldFlags(command: Command): Command {
  for (const { flag, about, parse } of FIELD_FLAGS) {
    const option = new Option(flag, about);
    if (parse !== undefined) option.argParser<unknown>(parse as (value: string, previous: unknown) => unknown);
    if (flag.endsWith("[bool]")) option.preset("true");
    command.addOption(option);
  }
  return command;
}

/** What the flags that were given say, as a KubeletConfiguration document; it wins over all files. */
export function kubeletFieldDocument(options: object): Readonly<Record<string, unknown>> {
  const given = new Map(Object.entries(options));
  const document: Record<string, unknown> = {};
  for (const { flag, field } of FIELD_FLAGS) {
    const value: unknown = given.get(new Option(flag).attributeName());
    if (value !== undefined) setField(document, field.split("."), value);
  }
  return document;
}

function setField(document: Record<string, unknown>, [name = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    document[name] = value;
    return;
  }
  const inner: Record<string, unknown> = { ...(document[name] as Record<string, unknown> | undefined) };
  setField(inner, rest, value);
  document[name] = inner;
}
