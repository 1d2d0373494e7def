export { type QosClass, qosClassOf } from "../../api/pod-qos.ts";
