import type { Command } from "commander";

/** A completion script for `shell`, made from the command tree so that it can not fall behind. */
export function completionScript(shell: string, program: Command): string {
  const visible = program.commands.filter((command) => !command.name().startsWith("__"));
  const commands = visible.map((command) => ({
    name: command.name(),
    description: command.description(),
    // Words of subcommands as well: `orlop audit kubelet --fail-on`.
    flags: [command, ...command.commands].flatMap((one) => [
      ...(one === command ? [] : [one.name()]),
      ...one.options.flatMap((option) => (option.long === undefined || option.long === null ? [] : [option.long])),
    ]),
  }));
  if (shell === "fish") {
    return `${commands
      .flatMap(({ name, description, flags }) => [
        `complete -c orlop -f -n __fish_use_subcommand -a ${name} -d '${description.replaceAll("'", "")}'`,
        ...flags.map((flag) =>
          flag.startsWith("--")
            ? `complete -c orlop -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}`
            : `complete -c orlop -n '__fish_seen_subcommand_from ${name}' -a ${flag}`,
        ),
      ])
      .join("\n")}\n`;
  }
  // Values of a flag where they are known; the same flag may mean a file to another command.
  const choices = visible.flatMap((command) =>
    [command, ...command.commands]
      .flatMap(({ options }) => options)
      .flatMap(({ short, long, argChoices }) => {
        const names = [short, long].filter((name) => typeof name === "string");
        if (argChoices === undefined || names.length === 0) return [];
        return [[names.map((name) => `"${command.name()} ${name}"`).join(" | "), argChoices] as const];
      }),
  );
  const values = choices.map(([names, words]) => `    ${names}) words="${words.join(" ")}" ;;`).join("\n");
  const cases = commands
    .map(({ name, flags }) => `    ${name}) words="${[...flags, "--help"].join(" ")}" ;;`)
    .join("\n");
  const bash = `_orlop() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  case "\${COMP_WORDS[1]}" in
${cases}
  esac
  case "\${COMP_WORDS[1]} \${COMP_WORDS[COMP_CWORD-1]}" in
${values}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${commands.map(({ name }) => name).join(" ")} --help"; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ "\${#COMPREPLY[@]}" -eq 0 ] && [ "$COMP_CWORD" -gt 1 ]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -F _orlop orlop
`;
  return shell === "zsh" ? `autoload -U +X bashcompinit && bashcompinit\n${bash}` : bash;
}
