/** Names of the interface's Signal enumeration in the order of their numbers, beginning at 1. */
const NAMED = [
  ..."ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP".split(
    " ",
  ),
  ..."TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN".split(" "),
];
const REAL_TIME = [
  ...Array.from({ length: 15 }, (_, index) => `RTMINPLUS${index + 1}`),
  ...Array.from({ length: 14 }, (_, index) => `RTMAXMINUS${14 - index}`),
  "RTMAX",
];
const SIGNALS: readonly string[] = ["", ...NAMED, ...REAL_TIME].map((name) => (name === "" ? "" : `SIG${name}`));

/** 0 (the runtime's default) for undefined and for unknown names. Accepts Kubernetes' names (SIGRTMIN+1, SIGUSR1). */
export function stopSignalNumber(name: string | undefined): number {
  if (name === undefined) return 0;
  return Math.max(0, SIGNALS.indexOf(name.replace("+", "PLUS").replace("-", "MINUS")));
}

/** undefined for the runtime's default. */
export function stopSignalName(value: number): string | undefined {
  const name = SIGNALS[value];
  return name === undefined || name === "" ? undefined : name.replace("PLUS", "+").replace("MINUS", "-");
}
