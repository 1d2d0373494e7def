#!/bin/sh
# Regenerates generated/ from csi.proto and plugin-registration.proto. Needs protoc (Debian: protobuf-compiler) and the installed npm packages.
set -eu
cd "$(dirname "$0")"
protoc --plugin=protoc-gen-ts_proto=../../../node_modules/.bin/protoc-gen-ts_proto --ts_proto_out=generated \
  --ts_proto_opt=outputServices=generic-definitions,forceLong=bigint,enumsAsLiterals=true,esModuleInterop=true \
  --ts_proto_opt=importSuffix=.js,outputJsonMethods=false,unrecognizedEnum=false,exportCommonSymbols=false,useDate=false \
  --ts_proto_opt=stringEnums=false,useExactTypes=false,outputPartialMethods=true,useReadonlyTypes=true,globalThisPolyfill=false \
  csi.proto plugin-registration.proto
