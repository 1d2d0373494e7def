/** What a plugin says about itself on its registration socket. */
export interface PluginInformation {
  /** e.g. "CSIPlugin", "DevicePlugin" */
  readonly type: string;
  readonly name: string;
  /** Socket of its own service. */
  readonly endpoint: string;
  readonly supportedVersions: readonly string[];
}

/** Talks to the registration service behind a socket (pluginregistration). Every call has a deadline. */
export interface PluginSockets {
  information(socket: string, signal: AbortSignal): Promise<PluginInformation>;
  /** @param failure why the plugin was not registered; undefined when it was */
  notify(socket: string, failure: string | undefined, signal: AbortSignal): Promise<void>;
}
