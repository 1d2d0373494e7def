import { invalidValue } from "./field-error.ts";
import { labelKeyProblems, labelValueProblems } from "./names.ts";
import type { FieldError } from "./status-error.ts";
import type { LabelSelector } from "./types.ts";

export type LabelOperator = "=" | "==" | "!=" | "in" | "notin" | "exists" | "!" | "gt" | "lt";

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

type Labels = Readonly<Record<string, string>>;

/** A selector that can not be read. The message is the one Kubernetes gives. */
export class SelectorError extends Error {
  override readonly name = "SelectorError";
}

interface Token {
  readonly type: "identifier" | "end" | "error" | "symbol";
  readonly text: string;
}

const WHITESPACE = " \t\r\n";
const SYMBOLS = "=!(),><";
const KEYWORDS: ReadonlySet<string> = new Set([")", ",", "!", "==", "=", ">", "in", "<", "!=", "notin", "("]);

function readSymbol(text: string, start: number): readonly [Token, number] {
  let best = "";
  let end = start;
  let seen = "";
  while (end < text.length && SYMBOLS.includes(text.charAt(end))) {
    seen += text.charAt(end);
    if (KEYWORDS.has(seen)) best = seen;
    else if (best !== "") break;
    end += 1;
  }
  if (best === "") return [{ type: "error", text: `error expected: keyword found '${seen}'` }, end];
  return [{ type: "symbol", text: best }, start + best.length];
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (WHITESPACE.includes(character)) at += 1;
    else if (SYMBOLS.includes(character)) {
      const [token, next] = readSymbol(text, at);
      tokens.push(token);
      at = next;
    } else {
      let end = at;
      while (end < text.length && !SYMBOLS.includes(text.charAt(end)) && !WHITESPACE.includes(text.charAt(end)))
        end += 1;
      const word = text.slice(at, end);
      tokens.push({ type: KEYWORDS.has(word) ? "symbol" : "identifier", text: word });
      at = end;
    }
  }
  return [...tokens, { type: "end", text: "" }];
}

/** Reads tokens in order; `in` and `notin` are operators in one place and plain words everywhere else. */
class TokenReader {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  peek(): Token {
    const token = this.#tokens[this.#at] ?? { type: "end", text: "" };
    const isWord = token.type === "symbol" && (token.text === "in" || token.text === "notin");
    return isWord ? { type: "identifier", text: token.text } : token;
  }

  take(): Token {
    const token = this.peek();
    this.#at += 1;
    return token;
  }

  takeOperator(): Token {
    const token = this.#tokens[this.#at] ?? { type: "end", text: "" };
    this.#at += 1;
    return token;
  }

  is(symbol: string): boolean {
    const token = this.peek();
    return token.type === "symbol" && token.text === symbol;
  }
}

const BINARY: ReadonlyMap<string, LabelOperator> = new Map([
  ["in", "in"],
  ["=", "="],
  ["==", "=="],
  [">", "gt"],
  ["<", "lt"],
  ["notin", "notin"],
  ["!=", "!="],
]);
const BINARY_LIST = "in, notin, =, ==, !=, gt, lt";

function parseValues(reader: TokenReader): readonly string[] {
  const open = reader.take();
  if (open.type !== "symbol" || open.text !== "(") throw new SelectorError(`found '${open.text}' expected: '('`);
  if (reader.is(")")) {
    reader.take();
    return [""];
  }
  const first = reader.peek();
  if (first.type !== "identifier" && !reader.is(",")) {
    throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
  }
  const values = new Set<string>();
  for (;;) {
    const token = reader.take();
    if (token.type === "identifier") {
      values.add(token.text);
      if (reader.is(")")) break;
      if (!reader.is(",")) throw new SelectorError(`found '${reader.peek().text}', expected: ',' or ')'`);
    } else if (token.type === "symbol" && token.text === ",") {
      if (values.size === 0 || reader.is(",")) values.add("");
      if (reader.is(")")) {
        values.add("");
        break;
      }
    } else {
      throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
    }
  }
  reader.take();
  return [...values].sort();
}

function parseExactValue(reader: TokenReader): readonly string[] {
  if (reader.peek().type === "end" || reader.is(",")) return [""];
  const token = reader.take();
  if (token.type !== "identifier") throw new SelectorError(`found '${token.text}', expected: identifier`);
  return [token.text];
}

function keyError(path: string, key: string): FieldError | undefined {
  const problems = labelKeyProblems(key);
  return problems.length === 0 ? undefined : invalidValue(path, key, problems.join("; "));
}

const VALUE_COUNTS: Readonly<Record<LabelOperator, string>> = {
  in: "for 'in', 'notin' operators, values set can't be empty",
  notin: "for 'in', 'notin' operators, values set can't be empty",
  "=": "exact-match compatibility requires one single value",
  "==": "exact-match compatibility requires one single value",
  "!=": "exact-match compatibility requires one single value",
  exists: "values set must be empty for exists and does not exist",
  "!": "values set must be empty for exists and does not exist",
  gt: "for 'Gt', 'Lt' operators, exactly one value is required",
  lt: "for 'Gt', 'Lt' operators, exactly one value is required",
};

function isCountRight(operator: LabelOperator, count: number): boolean {
  if (operator === "in" || operator === "notin") return count > 0;
  return operator === "exists" || operator === "!" ? count === 0 : count === 1;
}

function isInteger(text: string): boolean {
  if (!/^[+-]?\d+$/u.test(text)) return false;
  const value = BigInt(text.replace("+", ""));
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}

function requirementErrors({ key, operator, values }: LabelRequirement): readonly FieldError[] {
  const errors: FieldError[] = [];
  const badKey = keyError("key", key);
  if (badKey !== undefined) errors.push(badKey);
  if (!isCountRight(operator, values.length)) errors.push(invalidValue("values", values, VALUE_COUNTS[operator]));
  for (const [index, value] of values.entries()) {
    if ((operator === "gt" || operator === "lt") && !isInteger(value)) {
      errors.push(invalidValue(`values[${index}]`, value, "for 'Gt', 'Lt' operators, the value must be an integer"));
    }
    const problems = labelValueProblems(value);
    if (problems.length > 0) errors.push(invalidValue(`values[${index}][${key}]`, value, problems.join("; ")));
  }
  return errors;
}

function checked(requirement: LabelRequirement): LabelRequirement {
  const texts = requirementErrors(requirement).map((error) => `${error.field}: ${error.message}`);
  if (texts.length > 0) throw new SelectorError(texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`);
  return requirement;
}

function parseRequirement(reader: TokenReader): LabelRequirement {
  const isNegated = reader.is("!");
  if (isNegated) reader.take();
  const key = reader.take();
  if (key.type !== "identifier") throw new SelectorError(`found '${key.text}', expected: identifier`);
  const badKey = keyError("<nil>", key.text);
  if (badKey !== undefined) throw new SelectorError(`${badKey.field}: ${badKey.message}`);
  if (isNegated) return checked({ key: key.text, operator: "!", values: [] });
  if (reader.peek().type === "end" || reader.is(",")) return checked({ key: key.text, operator: "exists", values: [] });
  const token = reader.takeOperator();
  const operator = token.type === "symbol" ? BINARY.get(token.text) : undefined;
  if (operator === undefined) throw new SelectorError(`found '${token.text}', expected: ${BINARY_LIST}`);
  const values = operator === "in" || operator === "notin" ? parseValues(reader) : parseExactValue(reader);
  return checked({ key: key.text, operator, values });
}

/**
 * Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`; the empty text selects everything (no requirements).
 *
 * @throws SelectorError
 */
export function parseLabelSelector(text: string): readonly LabelRequirement[] {
  const reader = new TokenReader(tokensOf(text));
  const requirements: LabelRequirement[] = [];
  for (;;) {
    const next = reader.peek();
    if (next.type === "end") break;
    if (next.type !== "identifier" && !reader.is("!")) {
      throw new SelectorError(`found '${next.text}', expected: !, identifier, or 'end of string'`);
    }
    try {
      requirements.push(parseRequirement(reader));
    } catch (reason) {
      if (!(reason instanceof SelectorError)) throw reason;
      throw new SelectorError(`unable to parse requirement: ${reason.message}`, { cause: reason });
    }
    const separator = reader.take();
    if (separator.type === "end") break;
    if (separator.type !== "symbol" || separator.text !== ",") {
      throw new SelectorError(`found '${separator.text}', expected: ',' or 'end of string'`);
    }
    if (reader.peek().type !== "identifier" && !reader.is("!")) {
      throw new SelectorError(`found '${reader.peek().text}', expected: identifier after ','`);
    }
  }
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function isMet({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "in":
    case "=":
    case "==":
      return value !== undefined && values.includes(value);
    case "notin":
    case "!=":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "gt":
    case "lt": {
      if (value === undefined || !isInteger(value)) return false;
      const bound = BigInt((values[0] ?? "0").replace("+", ""));
      const actual = BigInt(value.replace("+", ""));
      return operator === "gt" ? actual > bound : actual < bound;
    }
  }
}

export function matchesLabels(requirements: readonly LabelRequirement[], labels: Labels | undefined): boolean {
  return requirements.every((requirement) => isMet(requirement, labels ?? {}));
}

const OBJECT_OPERATORS: Readonly<Record<string, LabelOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

/**
 * Requirements of a LabelSelector object; an empty one selects everything. No selector at all selects nothing, which is
 * for the caller to see.
 *
 * @throws SelectorError
 */
export function labelSelectorRequirements(selector: LabelSelector): readonly LabelRequirement[] {
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]) =>
    checked({ key, operator: "=", values: [value] }),
  );
  const expressions = (selector.matchExpressions ?? []).map((expression) => {
    const operator = OBJECT_OPERATORS[expression.operator];
    if (operator === undefined) {
      throw new SelectorError(`${JSON.stringify(expression.operator)} is not a valid label selector operator`);
    }
    return checked({ key: expression.key, operator, values: expression.values ?? [] });
  });
  return [...equal, ...expressions];
}

/** Whether a LabelSelector object selects the labels. No selector selects nothing. */
export function selectsLabels(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  return selector !== undefined && matchesLabels(labelSelectorRequirements(selector), labels);
}
