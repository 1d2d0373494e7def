import type { ImageConfig } from "./image-store.ts";

/** How an image is made out of Debian packages. */
export interface ImageDefinition {
  /** The name people use for it; the first of `names` is what it is stored as. */
  readonly title: string;
  readonly names: readonly string[];
  readonly packages: readonly string[];
  /** Of the packages and what they depend on, only these are put in. @default all */
  readonly only?: readonly string[];
  /** Files taken out of the packages' tree and put elsewhere in the image: target path to source path. */
  readonly moves?: Readonly<Record<string, string>>;
  readonly folders?: Readonly<Record<string, number>>;
  /** Files with their text; a path below bin/ or ending in .sh becomes executable. */
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  /** Owner (user and group id) of single paths. */
  readonly owners?: Readonly<Record<string, number>>;
  /** Whether the shell and tools of busybox are put in, as far as their names are free. */
  readonly busybox: boolean;
  readonly config: ImageConfig;
}

/** The sandbox image each pod needs; pinned so that image garbage collection leaves it alone. */
export const SANDBOX_IMAGE = "registry.k8s.io/pause:3.10";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const TMP = 0o1777;

const pause: ImageDefinition = {
  title: "pause",
  names: [SANDBOX_IMAGE],
  packages: ["catatonit"],
  only: ["catatonit"],
  moves: { pause: "usr/bin/catatonit" },
  busybox: false,
  // -P: no child to run, reap what is handed over. 65535: the user the sandbox runs as when the pod names none.
  config: { Entrypoint: ["/pause", "-P"], Env: [PATH], WorkingDir: "/", User: "65535:65535" },
};

const busybox: ImageDefinition = {
  title: "busybox",
  names: ["latest", "stable", "1.36"].map((tag) => `docker.io/library/busybox:${tag}`),
  packages: ["busybox-static"],
  only: ["busybox-static"],
  moves: { "bin/busybox": "usr/bin/busybox" },
  folders: { root: 0o700, tmp: TMP, "var/tmp": TMP, "var/www": 0o755, home: 0o755, etc: 0o755, "usr/bin": 0o755 },
  files: {
    "etc/passwd": [
      "root:x:0:0:root:/root:/bin/sh",
      "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
      "www-data:x:33:33:www-data:/var/www:/bin/false",
      "nobody:x:65534:65534:nobody:/home:/bin/false",
      "",
    ].join("\n"),
    "etc/group": "root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nnogroup:x:65534:\n",
  },
  busybox: true,
  config: { Cmd: ["sh"], Env: [PATH] },
};

const curl: ImageDefinition = {
  title: "curl",
  names: ["docker.io/curlimages/curl:latest"],
  packages: ["curl", "ca-certificates", "busybox-static"],
  folders: { "home/curl_user": 0o755, root: 0o700, tmp: TMP, "var/tmp": TMP },
  files: {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ncurl_user:x:100:101:curl user:/home/curl_user:/bin/sh\n",
    "etc/group": "root:x:0:\ncurl_group:x:101:curl_user\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "entrypoint.sh": [
      "#!/bin/sh",
      "# options alone mean curl; anything else is a command of its own",
      'case "$1" in -*|"") set -- curl "$@" ;; esac',
      'if command -v "$1" >/dev/null 2>&1; then exec "$@"; fi',
      'exec curl "$@"',
      "",
    ].join("\n"),
  },
  links: { "cacert.pem": "etc/ssl/certs/ca-certificates.crt" },
  owners: { "home/curl_user": 100 },
  busybox: true,
  config: {
    Entrypoint: ["/entrypoint.sh"],
    Cmd: ["curl"],
    Env: [PATH, "CURL_CA_BUNDLE=/cacert.pem"],
    WorkingDir: "/home/curl_user",
    User: "curl_user",
  },
};

const nginx: ImageDefinition = {
  title: "nginx",
  names: ["docker.io/library/nginx:latest"],
  packages: ["nginx", "busybox-static"],
  folders: {
    root: 0o700,
    tmp: TMP,
    "var/tmp": TMP,
    "var/log/nginx": 0o755,
    "var/cache/nginx": 0o755,
    "var/lib/nginx": 0o755,
    run: 0o755,
  },
  files: {
    "etc/passwd":
      "root:x:0:0:root:/root:/bin/sh\nnginx:x:101:101:nginx:/nonexistent:/bin/false\nnobody:x:65534:65534::/:/bin/false\n",
    "etc/group": "root:x:0:\nnginx:x:101:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/nginx/nginx.conf": [
      "user nginx;",
      "worker_processes auto;",
      "error_log /var/log/nginx/error.log notice;",
      "pid /run/nginx.pid;",
      "events { worker_connections 1024; }",
      "http {",
      "  include /etc/nginx/mime.types;",
      "  default_type application/octet-stream;",
      '  log_format main \'$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"\';',
      "  access_log /var/log/nginx/access.log main;",
      "  sendfile on;",
      "  keepalive_timeout 65;",
      "  include /etc/nginx/conf.d/*.conf;",
      "}",
      "",
    ].join("\n"),
    "etc/nginx/conf.d/default.conf": [
      "server {",
      "  listen 80;",
      "  server_name localhost;",
      "  location / { root /usr/share/nginx/html; index index.html index.htm; }",
      "}",
      "",
    ].join("\n"),
  },
  links: { "var/log/nginx/access.log": "/dev/stdout", "var/log/nginx/error.log": "/dev/stderr" },
  owners: { "var/cache/nginx": 101, "var/lib/nginx": 101 },
  busybox: true,
  config: {
    Cmd: ["nginx", "-g", "daemon off;"],
    Env: [PATH],
    ExposedPorts: { "80/tcp": {} },
    StopSignal: "SIGQUIT",
  },
};

/** Every image that can be built without a registry, by title. */
export const IMAGE_DEFINITIONS: Readonly<Record<string, ImageDefinition>> = { pause, busybox, curl, nginx };
