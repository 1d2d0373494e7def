import { describe, expect, it } from "vitest";
import { createProblems } from "./pod-for-tests.ts";

const container = (extra: object): object => ({ containers: [{ name: "main", image: "busybox:1", ...extra }] });
const DNS_LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

describe("creating a pod", () => {
  it("accepts a plain pod", () => {
    expect(createProblems({})).toEqual([]);
  });

  it("accepts a pod that uses much of what there is", () => {
    const spec = {
      serviceAccountName: "default",
      hostUsers: false,
      os: { name: "linux" },
      nodeSelector: { "kubernetes.io/os": "linux" },
      runtimeClassName: "gvisor",
      securityContext: {
        runAsUser: 1000,
        fsGroup: 0,
        fsGroupChangePolicy: "OnRootMismatch",
        supplementalGroups: [1],
        supplementalGroupsPolicy: "Strict",
        seLinuxChangePolicy: "Recursive",
        seLinuxOptions: { level: "s0:c1,c2" },
        seccompProfile: { type: "RuntimeDefault" },
        sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
      },
      initContainers: [
        { name: "init", image: "a" },
        { name: "side", image: "a", restartPolicy: "Always", startupProbe: { tcpSocket: { port: "http" } } },
      ],
      containers: [
        {
          name: "main",
          image: "a",
          ports: [{ name: "http", containerPort: 80 }],
          env: [
            { name: "A b", value: "x" },
            { name: "N", valueFrom: { fieldRef: { fieldPath: "metadata.labels['a']" } } },
            { name: "C", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1m" } } },
          ],
          envFrom: [{ configMapRef: { name: "x" } }, { prefix: "P_", secretRef: { name: "y" } }],
          volumeMounts: [
            { name: "data", mountPath: "/data", subPath: "a/b" },
            { name: "all", mountPath: "/all", readOnly: true, recursiveReadOnly: "Enabled" },
          ],
          resources: { limits: { cpu: "1", "hugepages-2Mi": "4Mi", "example.com/gpu": "1" } },
          livenessProbe: { grpc: { port: 1 } },
          lifecycle: { preStop: { sleep: { seconds: 5 } } },
          securityContext: { procMount: "Unmasked", privileged: true, appArmorProfile: { type: "Unconfined" } },
          restartPolicy: "Never",
          restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [1] } }],
        },
      ],
      volumes: [
        { name: "data", emptyDir: { medium: "Memory", sizeLimit: "1Gi" } },
        {
          name: "all",
          projected: {
            sources: [
              { serviceAccountToken: { path: "token", expirationSeconds: 600 } },
              { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
              { downwardAPI: { items: [{ path: "n", fieldRef: { fieldPath: "metadata.namespace" } }] } },
            ],
          },
        },
      ],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }],
          },
        },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 1, podAffinityTerm: { topologyKey: "h", labelSelector: {}, matchLabelKeys: ["app"] } },
          ],
        },
      },
      tolerations: [{ operator: "Exists" }, { key: "a", effect: "NoExecute", tolerationSeconds: 1 }],
      dnsPolicy: "None",
      dnsConfig: { nameservers: ["1.2.3.4"], searches: ["_x.example.com."] },
      hostAliases: [{ ip: "::1", hostnames: ["a.b"] }],
      readinessGates: [{ conditionType: "example.com/ready" }],
    };
    expect(createProblems(spec, { labels: { app: "x" } })).toEqual([]);
  });

  it.each<readonly [string, object, readonly string[]]>([
    ["no containers", { containers: [] }, ["spec.containers: Required value"]],
    [
      "no name and image",
      { containers: [{}] },
      ["spec.containers[0].name: Required value", "spec.containers[0].image: Required value"],
    ],
    [
      "a bad name",
      { containers: [{ name: "Ab", image: "a" }] },
      [`spec.containers[0].name: Invalid value: "Ab": ${DNS_LABEL}`],
    ],
    [
      "padding",
      container({ image: " a" }),
      ['spec.containers[0].image: Invalid value: " a": must not have leading or trailing whitespace'],
    ],
    [
      "equal names",
      {
        containers: [
          { name: "a", image: "a" },
          { name: "a", image: "a" },
        ],
      },
      ['spec.containers[1].name: Duplicate value: "a"'],
    ],
    [
      "bad policies",
      { ...container({ imagePullPolicy: "Later" }), restartPolicy: "Maybe", dnsPolicy: "X" },
      [
        'spec.containers[0].imagePullPolicy: Unsupported value: "Later": supported values: "Always", "IfNotPresent", "Never"',
        'spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
        'spec.dnsPolicy: Unsupported value: "X": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
      ],
    ],
    [
      "bad ports",
      container({ ports: [{ containerPort: 70000 }, { name: "A--", containerPort: 1, protocol: "ICMP" }] }),
      [
        "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        'spec.containers[0].ports[1].name: Invalid value: "A--": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
        'spec.containers[0].ports[1].name: Invalid value: "A--": must contain at least one letter (a-z)',
        'spec.containers[0].ports[1].name: Invalid value: "A--": must not contain consecutive hyphens',
        'spec.containers[0].ports[1].name: Invalid value: "A--": must not begin or end with a hyphen',
        'spec.containers[0].ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
      ],
    ],
    [
      "host port twice",
      container({
        ports: [
          { containerPort: 1, hostPort: 9 },
          { containerPort: 2, hostPort: 9 },
        ],
      }),
      ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//9"'],
    ],
    [
      "bad environment",
      container({
        env: [
          { name: "a=b" },
          { name: "B", valueFrom: { fieldRef: { fieldPath: "status.phase" } } },
          { name: "C", valueFrom: { fieldRef: { fieldPath: "spec.x" } } },
          { name: "D", value: "v", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
          { name: "E", valueFrom: {} },
        ],
      }),
      [
        "spec.containers[0].env[0].name: Invalid value: \"a=b\": a valid environment variable name must consist only of printable ASCII characters other than '='",
        'spec.containers[0].env[1].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
        'spec.containers[0].env[2].valueFrom.fieldRef.fieldPath: Invalid value: "spec.x": error converting fieldPath: field label not supported: spec.x',
        'spec.containers[0].env[3].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
        'spec.containers[0].env[4].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ],
    ],
    [
      "bad mounts",
      {
        ...container({
          volumeMounts: [
            { name: "x", mountPath: "/a" },
            { name: "v", mountPath: "/a", subPath: "/b/../c", subPathExpr: "d" },
            { name: "v", mountPath: "/b", mountPropagation: "Bidirectional", recursiveReadOnly: "Enabled" },
          ],
        }),
        volumes: [{ name: "v" }],
      },
      [
        'spec.containers[0].volumeMounts[0].name: Not found: "x"',
        'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
        'spec.containers[0].volumeMounts.subPath: Invalid value: "/b/../c": must be a relative path',
        "spec.containers[0].volumeMounts.subPath: Invalid value: \"/b/../c\": must not contain '..'",
        'spec.containers[0].volumeMounts[1].subPathExpr: Invalid value: "d": subPathExpr and subPath are mutually exclusive',
        "spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers",
        "spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true",
        "spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified",
      ],
    ],
    [
      "bad volumes",
      {
        volumes: [
          { name: "v" },
          { name: "v" },
          { name: "two", emptyDir: {}, hostPath: { path: "/x" } },
          { name: "up", hostPath: { path: "/a/../b", type: "Pipe" } },
          { name: "s", secret: { items: [{ key: "k", path: "..x", mode: 512 }] } },
          { name: "c", csi: { driver: "A_b" } },
          { name: "n", nfs: { server: "s", path: "rel" } },
        ],
      },
      [
        'spec.volumes[1].name: Duplicate value: "v"',
        "spec.volumes[2].hostPath: Forbidden: may not specify more than 1 volume type",
        "spec.volumes[3].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
        'spec.volumes[3].hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
        "spec.volumes[4].secret.secretName: Required value",
        "spec.volumes[4].secret.items[0].path: Invalid value: \"..x\": must not start with '..'",
        "spec.volumes[4].secret.items[0].mode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive",
        "spec.volumes[5].csi.driver: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        'spec.volumes[6].nfs.path: Invalid value: "rel": must be an absolute path',
      ],
    ],
    [
      "bad projected volume",
      {
        serviceAccountName: "x",
        volumes: [
          {
            name: "p",
            projected: {
              sources: [
                { serviceAccountToken: { path: "/t", expirationSeconds: 1 } },
                {
                  secret: { name: "s", items: [{ key: "a", path: "f" }] },
                  configMap: { name: "m", items: [{ key: "a", path: "f" }] },
                },
              ],
            },
          },
        ],
      },
      [
        "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes",
        'spec.volumes[0].projected.path: Invalid value: "/t": must be a relative path',
        'spec.volumes[0].projected: Invalid value: "m": conflicting duplicate paths',
        "spec.volumes[0].projected.sources[1]: Forbidden: may not specify more than 1 volume type per source",
      ],
    ],
    [
      "bad probes",
      container({
        livenessProbe: { httpGet: { port: 0, scheme: "FTP" }, exec: {}, successThreshold: 2 },
        readinessProbe: { periodSeconds: -1, terminationGracePeriodSeconds: 3 },
      }),
      [
        "spec.containers[0].livenessProbe.exec.command: Required value",
        "spec.containers[0].livenessProbe.httpGet: Forbidden: may not specify more than 1 handler type",
        "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
        "spec.containers[0].readinessProbe: Required value: must specify a handler type",
        "spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
        "spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 3: must not be set for readinessProbes",
      ],
    ],
    [
      "bad hooks",
      container({ lifecycle: { preStop: { sleep: { seconds: 31 } }, postStart: {} } }),
      [
        "spec.containers[0].lifecycle.postStart: Required value: must specify a handler type",
        "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)",
      ],
    ],
    [
      "bad resources",
      container({
        resources: {
          limits: { cpu: "1", "hugepages-2Mi": "3Mi", foo: "1" },
          requests: { cpu: "2", memory: "-1", "example.com/gpu": "500m" },
        },
      }),
      [
        'spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
        'spec.containers[0].resources.limits[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
        'spec.containers[0].resources.limits[foo]: Invalid value: "foo": must be a standard resource for containers',
        'spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
        'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
        'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource for containers',
        'spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
        'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
      ],
    ],
    [
      "bad init containers",
      {
        initContainers: [
          { name: "main", image: "a", livenessProbe: { exec: { command: ["a"] } } },
          { name: "i", image: "a", restartPolicy: "Sometimes" },
          { name: "j", image: "a", resizePolicy: [{ resourceName: "cpu", restartPolicy: "RestartContainer" }] },
        ],
      },
      [
        'spec.initContainers[0].name: Duplicate value: "main"',
        "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
        'spec.initContainers[1].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
        "spec.initContainers[2].resizePolicy[0].restartPolicy: Invalid value: \"RestartContainer\": must not be set to 'RestartContainer' for non-sidecar initContainers",
      ],
    ],
    [
      "ephemeral containers",
      { ephemeralContainers: [{ name: "e", image: "a", ports: [{ containerPort: 1 }], targetContainerName: "no" }] },
      [
        'spec.ephemeralContainers[0].targetContainerName: Not found: "no"',
        "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
        "spec.ephemeralContainers: Forbidden: cannot be set on create",
      ],
    ],
    [
      "bad security contexts",
      {
        ...container({
          securityContext: { runAsUser: -1, allowPrivilegeEscalation: false, privileged: true, procMount: "X" },
        }),
        securityContext: {
          seccompProfile: { type: "Localhost" },
          fsGroupChangePolicy: "Never",
          seLinuxChangePolicy: "MountOption",
          sysctls: [{ name: "a..b" }, { name: "net.x" }],
        },
        hostNetwork: true,
      },
      [
        "spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
        'spec.containers[0].securityContext.procMount: Unsupported value: "X": supported values: "Default", "Unmasked"',
        'spec.containers[0].securityContext: Invalid value: {"runAsUser":-1,"allowPrivilegeEscalation":false,"privileged":true,"procMount":"X"}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
        'spec.securityContext.sysctls[0].name: Invalid value: "a..b": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
        "spec.securityContext.sysctls[1].name: Invalid value: \"net.x\": may not be specified when 'hostNetwork' is true",
        'spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", "OnRootMismatch"',
        "spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost",
        'spec.securityContext.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"',
      ],
    ],
    [
      "bad tolerations",
      {
        tolerations: [
          {},
          { key: "a", operator: "Lt", value: "1" },
          { key: "a", effect: "Later", tolerationSeconds: 1 },
        ],
      },
      [
        'spec.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
        'spec.tolerations[1].operator: Unsupported value: "Lt": supported values: "Equal", "Exists", "Lt", "Gt"',
        "spec.tolerations[2].effect: Invalid value: \"Later\": effect must be 'NoExecute' when `tolerationSeconds` is set",
        'spec.tolerations[2].effect: Unsupported value: "Later": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
      ],
    ],
    [
      "bad spread",
      {
        topologySpreadConstraints: [
          { maxSkew: 0, topologyKey: "h", whenUnsatisfiable: "ScheduleAnyway", minDomains: 1 },
          { maxSkew: 1, topologyKey: "h", whenUnsatisfiable: "ScheduleAnyway", matchLabelKeys: ["a"] },
        ],
      },
      [
        "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
        'spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{h, ScheduleAnyway}"',
        "spec.topologySpreadConstraints[0].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
        "spec.topologySpreadConstraints[1].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
      ],
    ],
    [
      "bad affinity",
      {
        affinity: {
          nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [
              { labelSelector: { matchExpressions: [{ key: "a", operator: "In" }] } },
            ],
          },
        },
      },
      [
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
        "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
        "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty",
        'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: "": name part must be non-empty',
        "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ],
    ],
    [
      "DNS none without servers",
      { dnsPolicy: "None" },
      ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
    ],
    [
      "bad addresses",
      { dnsConfig: { nameservers: ["x", "010.0.0.1"] }, hostAliases: [{ ip: "1.2.3" }] },
      [
        'spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        'spec.dnsConfig.nameservers[1]: Invalid value: "010.0.0.1": must not have leading 0s',
        'spec.hostAliases[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      "a deadline of zero",
      { activeDeadlineSeconds: 0 },
      ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
    ],
    [
      "a gated pod with a node",
      { nodeName: "n", schedulingGates: [{ name: "a" }] },
      ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ],
    [
      "a token without a service account",
      { volumes: [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }] },
      [
        "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set",
      ],
    ],
    [
      "Linux fields in a windows pod",
      { os: { name: "windows" }, hostUsers: true, securityContext: { seLinuxChangePolicy: "Recursive" } },
      [
        "spec.hostUsers: Forbidden: cannot be set for a windows pod",
        "spec.securityContext.seLinuxChangePolicy: Forbidden: cannot be set for a windows pod",
      ],
    ],
    [
      "pod-level resources that are too small",
      {
        ...container({ resources: { requests: { cpu: "2" }, limits: { memory: "2Gi" } } }),
        resources: { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "3", memory: "1Gi" } },
      },
      [
        'spec.resources.requests[memory]: Invalid value: "1Gi": must be greater than or equal to aggregate container requests of 2Gi',
        'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
        'spec.resources.containers[0][memory].limits: Invalid value: "2Gi": must be less than or equal to pod limits of 1Gi',
      ],
    ],
  ])("refuses %s", (_title, spec, problems) => {
    expect(createProblems(spec as Readonly<Record<string, unknown>>)).toEqual(problems);
  });

  it("checks annotations", () => {
    expect(createProblems({}, { annotations: { "kubernetes.io/config.mirror": "x" } })).toEqual([
      'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
    ]);
    expect(createProblems({}, { annotations: { "container.apparmor.security.beta.kubernetes.io/x": "y" } })).toEqual([
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/x]: Invalid value: "x": container not found',
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/x]: Invalid value: "y": invalid AppArmor profile name: "y"',
    ]);
  });
});

describe("hostUsers", () => {
  const FALSE = "when `hostUsers` is false";

  it("false forbids other host namespaces and raw devices", () => {
    const device = { volumeDevices: [{ name: "v", devicePath: "/dev/x" }] };
    const spec = {
      hostUsers: false,
      hostNetwork: true,
      hostPID: true,
      hostIPC: true,
      initContainers: [{ name: "i", image: "a", ...device }],
      containers: [{ name: "main", image: "a", ...device }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }],
    };
    expect(createProblems(spec)).toEqual([
      `spec.hostNetwork: Forbidden: ${FALSE}`,
      `spec.HostPID: Forbidden: ${FALSE}`,
      `spec.HostIPC: Forbidden: ${FALSE}`,
      `spec.initContainers[0].volumeDevices: Forbidden: ${FALSE}`,
      `spec.containers[0].volumeDevices: Forbidden: ${FALSE}`,
    ]);
    expect(createProblems({ ...spec, hostUsers: true })).toEqual([]);
  });

  it("allows the host's network when the gate does", () => {
    const spec = { hostUsers: false, hostNetwork: true };
    expect(createProblems(spec, {}, { UserNamespacesHostNetworkSupport: true })).toEqual([]);
  });

  it("must be false for an unmasked /proc", () => {
    const unmasked = container({ securityContext: { procMount: "Unmasked" } });
    const text =
      'spec.containers[0].securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`';
    expect(createProblems({ ...unmasked, hostUsers: false })).toEqual([]);
    expect(createProblems({ ...unmasked, hostUsers: true })).toEqual([text]);
    expect(createProblems({ ...unmasked })).toEqual([text]);
    // With the gate off the field is dropped before anything is checked.
    expect(createProblems({ ...unmasked }, {}, { ProcMountType: false })).toEqual([]);
  });
});

describe("seLinuxChangePolicy", () => {
  it("MountOption needs the SELinuxMount gate", () => {
    const spec = { securityContext: { seLinuxChangePolicy: "MountOption" } };
    expect(createProblems(spec)).toHaveLength(1);
    expect(createProblems(spec, {}, { SELinuxMount: true })).toEqual([]);
    const other = { securityContext: { seLinuxChangePolicy: "Sometimes" } };
    expect(createProblems(other, {}, { SELinuxMount: true })).toEqual([
      'spec.securityContext.seLinuxChangePolicy: Unsupported value: "Sometimes": supported values: "MountOption", "Recursive"',
    ]);
  });
});
