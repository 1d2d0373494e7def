import type { ImageService } from "../../ports/container-runtime.ts";
import type { CriCalls } from "./calls.ts";
import { fromImage } from "./from-cri.ts";
import { ImageSpec, ImageServiceDefinition as service } from "./generated/cri.ts";
import { toSandboxConfig } from "./to-cri.ts";

export function createCriImages(calls: CriCalls): ImageService {
  const { methods } = service;
  const spec = (image: string): ImageSpec => ImageSpec.fromPartial({ image });
  return {
    async status(reference, signal) {
      const { image } = await calls.image(methods.imageStatus, { image: spec(reference), verbose: false }, signal);
      return image === undefined || image.id === "" ? undefined : fromImage(image);
    },
    async pull(reference, credentials, sandbox, signal) {
      const request = {
        image: spec(reference),
        auth:
          credentials === undefined ? undefined : { ...credentials, auth: "", identityToken: "", registryToken: "" },
        sandboxConfig: sandbox === undefined ? undefined : toSandboxConfig(sandbox),
      };
      return (await calls.image(methods.pullImage, request, signal, "none")).imageRef;
    },
    async list(signal) {
      return (await calls.image(methods.listImages, { filter: undefined }, signal)).images.map(fromImage);
    },
    async remove(reference, signal) {
      await calls.absentIsFine(calls.image(methods.removeImage, { image: spec(reference) }, signal));
    },
    async filesystem(signal) {
      const { imageFilesystems } = await calls.image(methods.imageFsInfo, {}, signal);
      const found = imageFilesystems[0];
      return {
        mountpoint: found?.fsId?.mountpoint ?? "",
        usedBytes: Number(found?.usedBytes?.value ?? 0n),
        usedInodes: Number(found?.inodesUsed?.value ?? 0n),
      };
    },
  };
}
