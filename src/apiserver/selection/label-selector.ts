import { labelKeyProblems, labelValueProblems } from "../../api/names.ts";

export type Labels = Readonly<Record<string, string>>;
export type LabelMatcher = (labels: Labels) => boolean;

/** A selector that can not be read; the message is the one Kubernetes gives. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
}

interface Token {
  readonly type: "identifier" | "end" | "error" | "in" | "notin" | "!" | "=" | "==" | "!=" | "(" | ")" | "," | "<" | ">";
  readonly text: string;
}

type Operator = "in" | "notin" | "=" | "==" | "!=" | ">" | "<";

const OPERATORS: ReadonlySet<string> = new Set<Operator>(["in", "notin", "=", "==", "!=", ">", "<"]);
const OPERATOR_LIST = "=, !=, ==, in, notin, >, <";

/**
 * Parses the text form of a label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
 *
 * @returns undefined when it selects everything
 * @throws SelectorError
 */
export function parseLabelSelector(text: string): LabelMatcher | undefined {
  const parser = createParser(tokens(text));
  const requirements: LabelMatcher[] = [];
  for (;;) {
    const next = parser.peek();
    if (next.type === "end") break;
    if (next.type !== "identifier" && next.type !== "!") {
      throw new SelectorError(`found '${next.text}', expected: !, identifier, or 'end of string'`);
    }
    requirements.push(asRequirement(() => parseRequirement(parser)));
    const separator = parser.take();
    if (separator.type === "end") break;
    if (separator.type !== ",") {
      throw new SelectorError(`found '${separator.text}', expected: ',' or 'end of string'`);
    }
    const after = parser.peek();
    if (after.type !== "identifier" && after.type !== "!") {
      throw new SelectorError(`found '${after.text}', expected: identifier after ','`);
    }
  }
  if (requirements.length === 0) return undefined;
  return (labels) => requirements.every((matches) => matches(labels));
}

interface Parser {
  /** The keywords in and notin read as identifiers unless an operator is expected. */
  peek(): Token;
  take(expecting?: "operator"): Token;
}

function createParser(all: readonly Token[]): Parser {
  let position = 0;
  const at = (): Token => all[position] ?? { type: "end", text: "" };
  const asValue = (token: Token): Token =>
    token.type === "in" || token.type === "notin" ? { type: "identifier", text: token.text } : token;
  return {
    peek: () => asValue(at()),
    take(expecting) {
      const token = at();
      position += 1;
      return expecting === "operator" ? token : asValue(token);
    },
  };
}

function tokens(text: string): readonly Token[] {
  const found: Token[] = [];
  for (const [word] of text.matchAll(/[^\s=!(),<>]+|==|!=|[=!(),<>]/gu)) {
    const keyword = word === "in" || word === "notin" || /^[=!(),<>]/u.test(word);
    found.push({ type: keyword ? (word as Token["type"]) : "identifier", text: word });
  }
  return found;
}

function asRequirement(parse: () => LabelMatcher): LabelMatcher {
  try {
    return parse();
  } catch (reason) {
    if (reason instanceof SelectorError) {
      throw new SelectorError(`unable to parse requirement: ${reason.message}`, { cause: reason });
    }
    throw reason;
  }
}

function parseRequirement(parser: Parser): LabelMatcher {
  const first = parser.take();
  const negated = first.type === "!";
  const key = negated ? parser.take() : first;
  if (key.type !== "identifier") throw new SelectorError(`found '${key.text}', expected: identifier`);
  refuse("", key.text, labelKeyProblems(key.text));
  const name = key.text;
  const { type } = parser.peek();
  if (negated) return (labels) => !Object.hasOwn(labels, name);
  if (type === "end" || type === ",") return (labels) => Object.hasOwn(labels, name);

  const operator = parser.take("operator");
  if (!OPERATORS.has(operator.type)) {
    throw new SelectorError(`found '${operator.text}', expected: ${OPERATOR_LIST}`);
  }
  const values = operator.type === "in" || operator.type === "notin" ? parseValues(parser) : [parseExactValue(parser)];
  for (const value of values) refuse(name, value, labelValueProblems(value));
  return matcherFor(name, operator.type as Operator, values);
}

function matcherFor(name: string, operator: Operator, values: readonly string[]): LabelMatcher {
  const [value = ""] = values;
  const allowed = new Set(values);
  const has = (labels: Labels): boolean => Object.hasOwn(labels, name);
  const isOneOf = (labels: Labels): boolean => has(labels) && allowed.has(labels[name] ?? "");
  switch (operator) {
    case "in":
    case "=":
    case "==":
      return isOneOf;
    case "notin":
    case "!=":
      return (labels) => !isOneOf(labels);
    case ">":
    case "<": {
      if (!isInteger(value)) {
        throw new SelectorError(
          `values[0][${name}]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
        );
      }
      const limit = BigInt(value);
      return (labels) => {
        const found = labels[name] ?? "";
        if (!has(labels) || !isInteger(found)) return false;
        return operator === ">" ? BigInt(found) > limit : BigInt(found) < limit;
      };
    }
  }
}

function isInteger(text: string): boolean {
  return /^[+-]?\d+$/.test(text) && BigInt(text) < 2n ** 63n && BigInt(text) >= -(2n ** 63n);
}

function parseValues(parser: Parser): readonly string[] {
  const open = parser.take();
  if (open.type !== "(") throw new SelectorError(`found '${open.text}' expected: '('`);
  const values: string[] = [];
  let expectValue = true;
  for (;;) {
    const token = parser.take();
    if (token.type === "identifier") {
      values.push(token.text);
      const next = parser.peek();
      if (next.type !== "," && next.type !== ")") {
        throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
      }
      expectValue = false;
    } else if (token.type === ",") {
      if (expectValue) values.push("");
      expectValue = true;
    } else if (token.type === ")") {
      if (expectValue) values.push("");
      return values;
    } else throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
  }
}

function parseExactValue(parser: Parser): string {
  const { type } = parser.peek();
  if (type === "end" || type === ",") return "";
  const token = parser.take();
  if (token.type !== "identifier") throw new SelectorError(`found '${token.text}', expected: identifier`);
  return token.text;
}

function refuse(key: string, value: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  const where = key === "" ? "key" : `values[0][${key}]`;
  throw new SelectorError(`${where}: Invalid value: ${JSON.stringify(value)}: ${problems.join("; ")}`);
}
