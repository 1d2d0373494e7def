/** Text that is given, or a file that is read again now and then as others may replace it. */
export type Material = { readonly text: string } | { readonly file: string };

/** How to reach one API server as one identity. */
export interface ClusterConnection {
  /** e.g. "https://10.0.0.1:6443", a path prefix is allowed. */
  readonly server: string;
  /** Name to check in the server's certificate, when it is not the host of the URL. */
  readonly tlsServerName?: string;
  /** An http, https or socks5 proxy in front of the server. Connections can not be upgraded through it. */
  readonly proxyUrl?: string;
  /** Trusts any server. For tests only; a kubeconfig must ask for it. */
  readonly insecureSkipTlsVerify?: boolean;
  /** PEM. Absent: the authorities Node trusts. */
  readonly certificateAuthority?: Material;
  /** PEM of the client certificate chain; needs `clientKey`. */
  readonly clientCertificate?: Material;
  readonly clientKey?: Material;
  /** Bearer token. */
  readonly token?: Material;
  /** Sent as Impersonate-User and Impersonate-Group. */
  readonly impersonate?: { readonly user: string; readonly groups: readonly string[] };
  /** Namespace of the context. @default "default" */
  readonly namespace?: string;
}
