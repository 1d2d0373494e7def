import type { PolicyRule } from "../../../api/types.ts";

// Permissions as words separated by spaces, so that a role can be read at a glance. "core" is the group "".

function words(text: string): readonly string[] {
  return text.split(" ");
}

export function rule(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: words(verbs),
    apiGroups: words(groups).map((group) => (group === "core" ? "" : group)),
    resources: words(resources),
    ...(names !== undefined && { resourceNames: words(names) }),
  };
}

export function read(groups: string, resources: string, names?: string): PolicyRule {
  return rule("get list watch", groups, resources, names);
}

export function write(groups: string, resources: string): PolicyRule {
  return rule("create delete deletecollection patch update", groups, resources);
}

export function readWrite(groups: string, resources: string): PolicyRule {
  return rule("create delete deletecollection get list patch update watch", groups, resources);
}

/** What every component that reports events needs. */
export function events(): PolicyRule {
  return rule("create patch update", "core events.k8s.io", "events");
}

export function urls(verbs: string, paths: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(paths) };
}
