import type { CSIDriver, VolumeAttachment } from "../../api/types.ts";
import { attachmentName, type CsiSource } from "../../core/csi/csi-source.ts";
import { messageOf, OrlopError } from "../../lib/orlop-error.ts";
import { hasReason } from "../../machinery/answer-error.ts";
import type { ClusterClient } from "../../machinery/cluster-client.ts";
import type { Informer } from "../../machinery/informer.ts";
import { CSI_DRIVERS, SECRETS, VOLUME_ATTACHMENTS } from "../../machinery/resources.ts";
import type { Clock } from "../../ports/clock.ts";

/** What the API server says about CSI volumes of this node. */
export interface CsiObjects {
  /** undefined when there is none. Throws when it can not tell. */
  driver(name: string, signal: AbortSignal): Promise<CSIDriver | undefined>;
  /** Waits until the volume is attached here; what the attacher wants the driver to know. */
  attachment(source: CsiSource, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  secret(
    reference: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, string>>>;
}

export interface CsiObjectsDeps {
  readonly client: Pick<ClusterClient, "get">;
  /** Of CSIDrivers; asked instead of the server once it is filled. */
  readonly drivers: Pick<Informer<CSIDriver>, "hasSynced" | "reader">;
  readonly clock: Clock;
  /** SHA-256 in hexadecimal digits. */
  readonly digest: (text: string) => string;
  /** Tells the attach/detach controller which volumes are in use here, and returns once it can know. */
  readonly reportInUse: (signal: AbortSignal) => Promise<void>;
}

export interface CsiObjectsOptions {
  readonly nodeName: string;
  /** Milliseconds to wait for an attachment before it is told as a failure. @default 2 minutes, as upstream */
  readonly attachTimeout?: number;
}

const ATTACH_TIMEOUT_MS = 120_000;
const FIRST_LOOK_MS = 200;
const LONGEST_LOOK_MS = 5_000;

export function createCsiObjects(deps: CsiObjectsDeps, options: CsiObjectsOptions): CsiObjects {
  const { client, clock } = deps;
  const timeout = options.attachTimeout ?? ATTACH_TIMEOUT_MS;

  const find = (name: string, signal: AbortSignal): Promise<VolumeAttachment | undefined> =>
    client.get(VOLUME_ATTACHMENTS, { name }, signal).catch((reason: unknown) => {
      if (hasReason(reason, "NotFound")) return undefined;
      // A node may only read attachments to itself: one that is not there yet is refused, not missing.
      if (hasReason(reason, "Forbidden")) return undefined;
      throw reason;
    });

  return {
    async driver(name, signal) {
      if (deps.drivers.hasSynced()) return deps.drivers.reader.get(name);
      return client.get(CSI_DRIVERS, { name }, signal).catch((reason: unknown) => {
        if (hasReason(reason, "NotFound")) return undefined;
        throw new OrlopError("Unavailable", `cannot read CSIDriver ${name}: ${messageOf(reason)}`, { cause: reason });
      });
    },
    async attachment(source, signal) {
      const name = attachmentName(source, options.nodeName, deps.digest);
      await deps.reportInUse(signal);
      const until = clock.monotonic() + timeout;
      for (let pause = FIRST_LOOK_MS; ; pause = Math.min(pause * 1.5, LONGEST_LOOK_MS)) {
        const attachment = await find(name, signal);
        if (attachment?.metadata?.deletionTimestamp !== undefined) {
          throw new OrlopError("Unavailable", `volume attachment ${name} is being deleted`);
        }
        if (attachment?.status?.attached === true) return attachment.status.attachmentMetadata ?? {};
        const problem = attachment?.status?.attachError?.message;
        if (problem !== undefined) throw new OrlopError("Unavailable", `AttachVolume.Attach failed: ${problem}`);
        if (clock.monotonic() + pause > until) {
          throw new OrlopError(
            "Timeout",
            `timed out waiting for external-attacher of ${source.driver} CSI driver to attach volume ${source.handle}`,
          );
        }
        await clock.sleep(pause, signal);
      }
    },
    async secret({ namespace, name }, signal) {
      const secret = await client.get(SECRETS, { namespace, name }, signal).catch((reason: unknown) => {
        throw new OrlopError("Unavailable", `failed to get secret ${namespace}/${name}: ${messageOf(reason)}`, {
          cause: reason,
        });
      });
      return Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, value]) => [key, textOfBase64(value)]));
    },
  };
}

function textOfBase64(text: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
}
