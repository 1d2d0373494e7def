/** What the configuration of a private containerd depends on. */
export interface ContainerdSettings {
  readonly root: string;
  readonly state: string;
  readonly socket: string;
  readonly runc: string;
  readonly plugins: string;
  readonly networkConfig: string;
  readonly registryConfig: string;
  readonly sandboxImage: string;
  /** See chooseSnapshotter(). */
  readonly snapshotter: "overlayfs" | "native";
  /** Without CAP_SYS_RESOURCE nobody may lower an OOM score, and every sandbox would fail trying. */
  readonly mayLowerOomScore: boolean;
  readonly seLinux: boolean;
}

const UNUSED_PLUGINS = ["blockfile", "btrfs", "devmapper", "erofs", "zfs"];

/** The text of containerd's configuration file, version 3. Nothing in it is shared with another containerd. */
export function containerdConfig(settings: ContainerdSettings): string {
  const cri = "plugins.'io.containerd.cri.v1.runtime'";
  return [
    "version = 3",
    `root = ${toml(settings.root)}`,
    `state = ${toml(settings.state)}`,
    // Layers are mounted here for a moment while a user-namespaced container is made: not in everybody's /tmp.
    `temp = ${toml(`${settings.state}/tmp`)}`,
    // Storage nobody here uses; each looks at the host's file systems at every start, and one that dislikes them takes CRI down.
    `disabled_plugins = [${UNUSED_PLUGINS.map((name) => toml(`io.containerd.snapshotter.v1.${name}`)).join(", ")}]`,
    "",
    "[grpc]",
    `address = ${toml(settings.socket)}`,
    "",
    "[debug]",
    "level = 'warn'",
    "",
    "[plugins.'io.containerd.cri.v1.images']",
    `snapshotter = ${toml(settings.snapshotter)}`,
    // The newer way of pulling unpacks for overlays only.
    `use_local_image_pull = ${settings.snapshotter !== "overlayfs"}`,
    "[plugins.'io.containerd.cri.v1.images'.pinned_images]",
    `sandbox = ${toml(settings.sandboxImage)}`,
    "[plugins.'io.containerd.cri.v1.images'.registry]",
    `config_path = ${toml(settings.registryConfig)}`,
    "",
    `[${cri}]`,
    `restrict_oom_score_adj = ${!settings.mayLowerOomScore}`,
    `enable_selinux = ${settings.seLinux}`,
    "netns_mounts_under_state_dir = true",
    // Else a command that ends with unread input, or leaves something behind that holds its output, hangs its client.
    "drain_exec_sync_io_timeout = '30s'",
    `[${cri}.containerd]`,
    "default_runtime_name = 'runc'",
    `[${cri}.containerd.runtimes.runc]`,
    "runtime_type = 'io.containerd.runc.v2'",
    `[${cri}.containerd.runtimes.runc.options]`,
    `BinaryName = ${toml(settings.runc)}`,
    `Root = ${toml(`${settings.state}/runc`)}`,
    "SystemdCgroup = false",
    `[${cri}.cni]`,
    `bin_dirs = [${toml(settings.plugins)}]`,
    `conf_dir = ${toml(settings.networkConfig)}`,
    "use_internal_loopback = true",
    "",
    "[plugins.'io.containerd.nri.v1.nri']",
    "disable = true",
    "[plugins.'io.containerd.internal.v1.opt']",
    `path = ${toml(`${settings.root}/opt`)}`,
    "",
  ].join("\n");
}

/** Where images of every registry are looked for first: the local image store. What it lacks comes from the registry itself. */
export function registryHosts(localRegistry: string | undefined): string {
  if (localRegistry === undefined) return "";
  return `[host.${toml(localRegistry)}]\ncapabilities = ["pull", "resolve"]\n`;
}

/** A TOML basic string. */
function toml(text: string): string {
  return JSON.stringify(text);
}
