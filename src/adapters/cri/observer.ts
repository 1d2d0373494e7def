import { OrlopError } from "../../lib/orlop-error.ts";
import type { RuntimeEvent, RuntimeObserver } from "../../ports/container-runtime.ts";
import type { CriCalls } from "./calls.ts";
import type { GrpcConnection } from "../grpc/connection.ts";
import { fromStats } from "./from-cri.ts";
import { CgroupDriver, type ContainerEventResponse, RuntimeServiceDefinition as service } from "./generated/cri.ts";

export function createCriObserver(calls: CriCalls, connection: GrpcConnection): RuntimeObserver {
  const { methods } = service;
  return {
    async version(signal) {
      const answer = await calls.runtime(methods.version, { version: "v1" }, signal);
      return { name: answer.runtimeName, version: answer.runtimeVersion, apiVersion: answer.runtimeApiVersion };
    },
    async status(signal) {
      const { status, runtimeHandlers, features } = await calls.runtime(methods.status, { verbose: false }, signal);
      const conditions = status?.conditions ?? [];
      const isTrue = (type: string): boolean =>
        conditions.find((condition) => condition.type === type)?.status ?? false;
      const problems = conditions
        .filter((condition) => !condition.status)
        .map(({ type, reason, message }) => `${type}=false reason:${reason} message:${message}`);
      return {
        runtimeReady: isTrue("RuntimeReady"),
        networkReady: isTrue("NetworkReady"),
        message: problems.join(", "),
        handlers: runtimeHandlers.map(({ name, features }) => ({
          name,
          recursiveReadOnlyMounts: features?.recursiveReadOnlyMounts ?? false,
          userNamespaces: features?.userNamespaces ?? false,
        })),
        supplementalGroupsPolicy: features?.supplementalGroupsPolicy ?? false,
        userNamespacesHostNetwork: features?.userNamespacesHostNetwork ?? false,
      };
    },
    async cgroupDriver(signal) {
      try {
        const { linux } = await calls.runtime(methods.runtimeConfig, {}, signal);
        if (linux === undefined) return undefined;
        return linux.cgroupDriver === CgroupDriver.SYSTEMD ? "systemd" : "cgroupfs";
      } catch (failure) {
        if (failure instanceof OrlopError && failure.code === "Unsupported") return undefined;
        throw failure;
      }
    },
    async updatePodCidr(cidr, signal) {
      const request = { runtimeConfig: { networkConfig: { podCidr: cidr } } };
      await calls.runtime(methods.updateRuntimeConfig, request, signal);
    },
    async containerStats(labels, signal) {
      const request = { filter: { id: "", podSandboxId: "", labelSelector: { ...labels } } };
      return (await calls.runtime(methods.listContainerStats, request, signal)).stats.map(fromStats);
    },
    async *events(signal) {
      const stream = connection.serverStream(service.fullName, methods.getContainerEvents, {}, signal);
      for await (const event of stream) yield fromEvent(event);
    },
  };
}

const EVENT_TYPES = ["created", "started", "stopped", "deleted"] as const;

function fromEvent(event: ContainerEventResponse): RuntimeEvent {
  return {
    type: EVENT_TYPES[event.containerEventType] ?? "stopped",
    id: event.containerId,
    sandboxId: event.podSandboxStatus?.id ?? "",
    podUid: event.podSandboxStatus?.metadata?.uid ?? "",
  };
}
