import { invalidFor, invalidValue, required, when } from "../../field-error.ts";
import { byteLength, dnsSubdomainProblems, labelKeyProblems } from "../../names.ts";
import type { FieldError } from "../../status-error.ts";
import type { CoreEvent, KubernetesObject, Unchecked } from "../../types.ts";

const MISMATCH = "does not match event.namespace";
const SHORT = 128;
const LONG = 1024;

function requiredText(field: string, text: string, limit: number): readonly FieldError[] {
  return [
    ...when(text === "", required(field)),
    ...when(byteLength(text) > limit, invalidValue(field, "", `can have at most ${limit} characters`)),
  ];
}

/** Rules of events with a microsecond time, as newer clients make them. */
function newStyleErrors(event: Unchecked<CoreEvent>, namespace: string, about: string): readonly FieldError[] {
  const { reportingComponent: component = "" } = event;
  const isElsewhere = about === "" && namespace !== "default" && namespace !== "kube-system";
  return [
    ...when(isElsewhere, invalidValue("involvedObject.namespace", about, MISMATCH)),
    ...when(component === "", required("reportingComponent")),
    ...invalidFor("reportingComponent", component, labelKeyProblems(component)),
    ...requiredText("reportingInstance", event.reportingInstance ?? "", SHORT),
    ...requiredText("action", event.action ?? "", SHORT),
    ...requiredText("reason", event.reason ?? "", SHORT),
    ...when(byteLength(event.message ?? "") > LONG, invalidValue("message", "", `can have at most ${LONG} characters`)),
  ];
}

export function validateEvent(object: KubernetesObject): readonly FieldError[] {
  const event = object as Unchecked<CoreEvent>;
  const namespace = event.metadata?.namespace ?? "";
  const about = event.involvedObject?.namespace ?? "";
  const isOther = about === "" ? namespace !== "" && namespace !== "default" : about !== namespace;
  return [
    ...(event.eventTime === undefined
      ? when(isOther, invalidValue("involvedObject.namespace", about, MISMATCH))
      : newStyleErrors(event, namespace, about)),
    ...invalidFor("namespace", namespace, dnsSubdomainProblems(namespace)),
  ];
}
