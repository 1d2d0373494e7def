/** What the guest tells, one JSON value a line. */
export type Report =
  /** Text for people. */
  | { readonly type: "said"; readonly text: string }
  /** A scenario is over. `evidence` is what was seen; nothing in it is a judgement. */
  | {
      readonly type: "scenario";
      readonly name: string;
      readonly seconds: number;
      readonly evidence?: unknown;
      readonly error?: string;
    }
  | { readonly type: "end" };

export type ScenarioReport = Extract<Report, { readonly type: "scenario" }>;
