import type { KubeletConfiguration } from "./kubelet-configuration-fields.ts";

/** Rules on where traces go and how many; texts follow upstream. */
export function tracingProblems({ tracing }: KubeletConfiguration): string[] {
  const problems: string[] = [];
  const { endpoint, samplingRatePerMillion: rate = 0 } = tracing;
  const refuse = (why: string): number =>
    problems.push(`tracing.samplingRatePerMillion: Invalid value: ${rate}: ${why}`);
  if (rate < 0) refuse("sampling rate must be positive");
  if (rate > 1_000_000) refuse("sampling rate per million must be less than or equal to one million");
  const scheme = endpoint.includes("://") ? endpoint.slice(0, endpoint.indexOf("://")) : "dns";
  if (!["dns", "unix", "unix-abstract"].includes(scheme)) {
    const why = `unsupported scheme: ${scheme}. Options are none, dns, unix, or unix-abstract`;
    problems.push(`tracing.endpoint: Invalid value: ${JSON.stringify(endpoint)}: ${why}`);
  }
  return problems;
}
