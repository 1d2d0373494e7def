import { describe, expect, it } from "vitest";
import {
  parseBusyNanoseconds,
  parseDefaultInterface,
  parseDefaultInterfaceIpv6,
  parseInterfaces,
  parseKilobyteTable,
  parsePrettyName,
} from "./proc-text.ts";

describe("/proc texts", () => {
  it("reads the default route with the lowest metric", () => {
    const text = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0`;
    expect(parseDefaultInterface(text)).toBe("eth0");
    expect(parseDefaultInterface("Iface\n")).toBeUndefined();
    const zero = "0".repeat(32);
    expect(
      parseDefaultInterfaceIpv6(
        `${zero} 00 ${zero} 00 ${zero} ffffffff 1 0 00200200 lo\n${zero} 00 ${zero} 00 fe80 00000400 1 0 00000003 eth0`,
      ),
    ).toBe("eth0");
  });

  it("reads counters of interfaces but lo", () => {
    const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 5000      10    2    4    0     0          0         0     7000      20    3    5    0     0       0          0`;
    expect(parseInterfaces(text)).toEqual([
      {
        name: "eth0",
        receivedBytes: 5000,
        receivedPackets: 10,
        receiveErrors: 2,
        receiveDropped: 4,
        sentBytes: 7000,
        sentPackets: 20,
        sendErrors: 3,
        sendDropped: 5,
      },
    ]);
  });

  it("reads tables, release names and CPU time", () => {
    expect(parseKilobyteTable("MemTotal:  2048 kB\nHugePages_Total: 3").get("MemTotal")).toBe(2048 * 1024);
    expect(parsePrettyName('NAME="x"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe(
      "Debian GNU/Linux 12 (bookworm)",
    );
    expect(parseBusyNanoseconds("cpu  1 2 3 400 500 6 7 8 0 0\ncpu0 1")).toBe(27 * 10_000_000);
  });
});
