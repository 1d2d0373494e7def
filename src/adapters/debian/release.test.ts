import { describe, expect, it } from "vitest";
import { candidateSuites, mainArchive, parseArchives, parseRelease } from "./release.ts";

const BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_CODENAME=bookworm\n';

describe("parseRelease()", () => {
  it("reads Debian, Ubuntu and what derives from them", () => {
    expect(parseRelease(BOOKWORM)).toEqual({ ok: true, value: { family: "debian", codename: "bookworm" } });
    const mint = 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble\n';
    expect(parseRelease(mint)).toEqual({ ok: true, value: { family: "ubuntu", codename: "noble" } });
  });

  it("names the distribution it can not serve", () => {
    const fedora = 'PRETTY_NAME="Fedora Linux 43"\nID=fedora\n';
    expect(parseRelease(fedora)).toEqual({ ok: false, reason: "Fedora Linux 43" });
  });
});

describe("parseArchives()", () => {
  it("reads stanzas: several suites, keyring, disabled and source entries left out", () => {
    const text = [
      "Types: deb deb-src",
      "# a mirror nearby",
      "URIs: http://deb.debian.org/debian",
      "Suites: bookworm bookworm-updates",
      "Components: main",
      "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
      "",
      "Types: deb",
      "Enabled: no",
      "URIs: http://disabled.example/debian",
      "Suites: bookworm",
      "",
      "Types: deb-src",
      "URIs: http://sources.example/debian",
      "Suites: bookworm",
    ].join("\n");
    expect(parseArchives("debian.sources", text)).toEqual([
      {
        uri: "http://deb.debian.org/debian",
        suites: ["bookworm", "bookworm-updates"],
        signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
        trusted: false,
      },
    ]);
  });

  it("does not take an embedded key for a file name", () => {
    const text =
      "Types: deb\nURIs: http://a.example/debian\nSuites: sid\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n";
    expect(parseArchives("a.sources", text)).toEqual([
      { uri: "http://a.example/debian", suites: ["sid"], trusted: false },
    ]);
  });

  it("reads one-line entries with settings", () => {
    const text = [
      "# deb http://commented.example/debian bookworm main",
      "deb [arch=amd64 signed-by=/k.gpg] http://deb.debian.org/debian bookworm main",
      "deb-src http://deb.debian.org/debian bookworm main",
    ].join("\n");
    expect(parseArchives("sources.list", text)).toEqual([
      { uri: "http://deb.debian.org/debian", suites: ["bookworm"], signedBy: "/k.gpg", trusted: false },
    ]);
  });
});

describe("mainArchive()", () => {
  const entry = (uri: string, ...suites: string[]) => ({ uri, suites, trusted: false });

  it("prefers the distribution's own archive over security updates and third parties", () => {
    const archives = [
      entry("http://deb.debian.org/debian-security", "bookworm-security"),
      entry("https://example.com/tools", "bookworm"),
      entry("http://deb.debian.org/debian", "bookworm"),
    ];
    const chosen = mainArchive({ family: "debian", codename: "bookworm" }, archives);
    expect(chosen?.uri).toBe("http://deb.debian.org/debian");
  });

  it("takes any mirror that carries the host's release", () => {
    const archives = [entry("https://mirror.example/pub/linux", "noble", "noble-updates")];
    expect(mainArchive({ family: "ubuntu", codename: "noble" }, archives)?.uri).toBe(
      "https://mirror.example/pub/linux",
    );
  });

  it("finds the archive of a rolling release", () => {
    const archives = [entry("http://deb.debian.org/debian", "sid")];
    expect(mainArchive({ family: "debian", codename: "forky" }, archives)?.uri).toBe("http://deb.debian.org/debian");
    expect(mainArchive({ family: "ubuntu", codename: "noble" }, archives)).toBeUndefined();
  });
});

describe("candidateSuites()", () => {
  it("skips releases known to be too old", () => {
    expect(candidateSuites({ family: "debian", codename: "bookworm" })).toEqual(["testing", "sid"]);
    expect(candidateSuites({ family: "ubuntu", codename: "noble" })).toEqual(["devel"]);
  });

  it("looks into the host's own release first when it may be new enough", () => {
    expect(candidateSuites({ family: "debian", codename: "forky" })).toEqual(["forky", "testing", "sid"]);
  });
});
