import { decideRotation, type HeldCertificate, type WantedCertificate } from "../../core/certificates/rotation.ts";
import { messageOf } from "../../lib/orlop-error.ts";
import { backoffDelay } from "../../machinery/backoff.ts";
import type { Unit } from "../../machinery/unit.ts";
import type {
  CertificateKeys,
  CertificateStore,
  CertificateSubject,
  CertificateWithKey,
} from "../../ports/certificate-keys.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import { requestCertificate, type RequestCertificateDeps } from "./request-certificate.ts";

export interface CertificateRotationDeps {
  readonly client: RequestCertificateDeps["client"];
  readonly keys: CertificateKeys;
  readonly store: CertificateStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Told what happens to a certificate, for metrics. */
export interface RotationObserver {
  /** One renewal did not work. */
  failed(): void;
  /** One certificate was taken into use after another, which was that old. */
  rotated?(ageSeconds: number): void;
}

export interface CertificateRotationOptions {
  /** For logs, e.g. "serving certificate". */
  readonly name: string;
  readonly signerName: string;
  readonly usages: readonly string[];
  /** Asked each time, so that new addresses of the node lead to a new certificate. */
  readonly subject: () => CertificateSubject;
}

export interface CertificateRotation {
  /** Keeps a certificate in use. Ready at once: there may be nobody yet who could sign. */
  readonly unit: Unit;
  /** What is in use; undefined before there is one, or when it ran out. */
  current(): CertificateWithKey | undefined;
  /** Milliseconds since the epoch; undefined without a certificate. */
  expiresAt(): number | undefined;
  /** Called with each certificate taken into use; returns how to stop. */
  onChange(listener: (certificate: CertificateWithKey) => void): () => void;
  observe(observer: RotationObserver): void;
}

/** Names are looked at this often: they change without telling. */
const LOOK_AGAIN_MS = 60_000;
const RETRY = { initialMs: 2_000, maximumMs: 5 * 60_000 } as const;

interface InUse {
  readonly certificate: CertificateWithKey;
  readonly held: HeldCertificate;
  readonly fraction: number;
}

/** Holds one certificate by certificate signing requests: gets it, keeps it, renews it in time. */
export function createCertificateRotation(
  deps: CertificateRotationDeps,
  options: CertificateRotationOptions,
): CertificateRotation {
  const { clock, random, store, keys, log } = deps;
  const listeners = new Set<(certificate: CertificateWithKey) => void>();
  const observers: RotationObserver[] = [];
  let inUse: InUse | undefined;

  const use = (certificate: CertificateWithKey): void => {
    const { dnsNames, ipAddresses, ...facts } = keys.read(certificate);
    if (inUse !== undefined) {
      const age = (clock.now() - inUse.held.notBefore) / 1_000;
      for (const observer of observers) observer.rotated?.(age);
    }
    inUse = { certificate, held: { ...facts, names: [...dnsNames, ...ipAddresses] }, fraction: random.fraction() };
    for (const listener of listeners) listener(certificate);
  };

  const loadStored = async (): Promise<void> => {
    try {
      const stored = await store.load();
      if (stored !== undefined) use(stored);
    } catch (reason) {
      log.warn(`cannot use the stored ${options.name}, asking for a new one`, { reason: messageOf(reason) });
    }
  };

  const renew = async (signal: AbortSignal): Promise<void> => {
    const { signerName, usages, subject } = options;
    const issued = await requestCertificate(deps, { signerName, usages, subject: subject() }, signal);
    await store.save(issued);
    use(issued);
    log.info(`a new ${options.name} is in use`, { until: new Date(inUse?.held.notAfter ?? 0).toISOString() });
  };

  const run = async (signal: AbortSignal, ready: () => void): Promise<void> => {
    await loadStored();
    ready();
    for (let failures = 0; !signal.aborted; ) {
      const wanted = wantedOf(options.subject());
      const decision = decideRotation(inUse?.held, wanted, clock.now(), inUse?.fraction ?? 0);
      let pause = LOOK_AGAIN_MS;
      if (!decision.rotate) pause = Math.min(Math.max(decision.at - clock.now(), 0), LOOK_AGAIN_MS);
      else {
        log.info(`asking for a ${options.name}`, { because: decision.reason });
        try {
          await renew(signal);
          failures = 0;
        } catch (reason) {
          if (signal.aborted) return;
          for (const observer of observers) observer.failed();
          log.warn(`could not get a ${options.name}, trying again`, { reason: messageOf(reason) });
          failures += 1;
          pause = backoffDelay(failures, RETRY, random);
        }
      }
      await clock.sleep(pause, signal).catch(() => undefined);
    }
  };

  const valid = (): InUse | undefined => (inUse !== undefined && clock.now() < inUse.held.notAfter ? inUse : undefined);
  return {
    unit: { name: options.name, run },
    current: () => valid()?.certificate,
    expiresAt: () => inUse?.held.notAfter,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    observe: (observer) => {
      observers.push(observer);
    },
  };
}

function wantedOf({ commonName, organizations, dnsNames, ipAddresses }: CertificateSubject): WantedCertificate {
  return { commonName, organizations, names: [...dnsNames, ...ipAddresses] };
}
