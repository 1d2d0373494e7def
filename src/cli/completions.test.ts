import { Command, Option } from "commander";
import { describe, expect, it } from "vitest";
import { completionsFor, kubectlCompletion } from "./completions.ts";

function program(): Command {
  const root = new Command("orlop");
  root
    .command("audit")
    .command("kubelet [paths...]")
    .addOption(new Option("-o, --output <form>").choices(["table", "json", "yaml"]))
    .option("-f, --filename <path>")
    .option("--strict");
  root.command("version");
  root.command("completion").addArgument(root.createArgument("<shell>").choices(["bash", "zsh"]));
  root.command("__complete [words...]");
  return root;
}

describe("completionsFor()", () => {
  it.each([
    [[""], ["audit", "version", "completion"]],
    [["a"], ["audit"]],
    [["audit", ""], ["kubelet"]],
    [
      ["audit", "kubelet", "--"],
      ["--output", "--filename", "--strict", "--help"],
    ],
    [
      ["audit", "kubelet", "-o", ""],
      ["table", "json", "yaml"],
    ],
    [["audit", "kubelet", "--output", "j"], ["json"]],
    [["audit", "kubelet", "--output=y"], ["--output=yaml"]],
    [["audit", "kubelet", "-f", ""], []],
    [["audit", "kubelet", "--strict", "--f"], ["--filename"]],
    [
      ["completion", ""],
      ["bash", "zsh"],
    ],
    [["no-such-command", "--"], ["--help"]],
  ])("for %j is %j", (words, expected) => {
    expect(completionsFor(words, program())).toEqual(expected);
  });
});

describe("kubectlCompletion()", () => {
  it("says whether the shell may offer files as well", () => {
    expect(kubectlCompletion(["audit", "kubelet", "-o", "t"], program())).toBe("table\n:4\n");
    expect(kubectlCompletion(["audit", "kubelet", "-f", ""], program())).toBe(":0\n");
  });
});
