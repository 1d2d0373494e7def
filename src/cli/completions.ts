import type { Command, Option } from "commander";

/**
 * What may stand where the last of `words` is being written: commands, flags, or the choices of a flag. Empty where only
 * the user knows (names, numbers) or the shell does (files).
 *
 * @param words after the program's name; the last may be empty
 */
export function completionsFor(words: readonly string[], program: Command): readonly string[] {
  const typed = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  let command = program;
  for (const word of typed) {
    command = command.commands.find((one) => one.name() === word || one.aliases().includes(word)) ?? command;
  }
  const before = optionNamed(command, typed.at(-1));
  if (before !== undefined && takesValue(before)) return starting(before.argChoices ?? [], current);
  const [flag, value] = splitAtEquals(current);
  const asked = value === undefined ? undefined : optionNamed(command, flag);
  if (asked !== undefined) {
    return starting(asked.argChoices ?? [], value ?? "").map((choice) => `${flag}=${choice}`);
  }
  const flags = [...command.options.flatMap(({ long }) => (typeof long === "string" ? [long] : [])), "--help"];
  const candidates = current.startsWith("-")
    ? flags
    : [
        ...command.commands.filter((one) => !isHidden(one)).map((one) => one.name()),
        ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      ];
  return starting(candidates, current);
}

/** For `kubectl_complete-NAME`: one a line, then what the shell is to do with them (4: no files besides). */
export function kubectlCompletion(words: readonly string[], program: Command): string {
  const found = completionsFor(words, program);
  return [...found, `:${found.length === 0 ? 0 : 4}`].join("\n") + "\n";
}

function starting(all: readonly string[], beginning: string): readonly string[] {
  return all.filter((one) => one.startsWith(beginning));
}

function optionNamed({ options }: Command, name: string | undefined): Option | undefined {
  return name === undefined ? undefined : options.find(({ long, short }) => long === name || short === name);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function splitAtEquals(text: string): readonly [flag: string, value: string | undefined] {
  const at = text.indexOf("=");
  return at < 0 || !text.startsWith("--") ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function isHidden(command: Command): boolean {
  return command.name().startsWith("__");
}
