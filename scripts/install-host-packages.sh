#!/usr/bin/env bash
# Makes sure of the few system programs Orlop calls, on Debian and Ubuntu; with --tests also those its tests call, with
# --vm-tests those that build and run a machine with SELinux.
# Does nothing when all are there, as on any normal installation.
set -euo pipefail

# program:package
needed=(flock:util-linux mount:mount dpkg-deb:dpkg find:findutils cmp:diffutils
  losetup:mount blkid:util-linux mkfs.ext4:e2fsprogs)
[[ ${1:-} != --tests ]] || needed+=(ps:procps ip:iproute2 curl:curl nft:nftables script:bsdutils
  mkfs.xfs:xfsprogs)
[[ ${1:-} != --vm-tests ]] || needed+=(mmdebstrap:mmdebstrap qemu-system-x86_64:qemu-system-x86 setfiles:policycoreutils mke2fs:e2fsprogs)
missing=()
for pair in "${needed[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
# The keys of Debian's archive, where the host is not Debian itself.
[[ ${1:-} != --vm-tests || -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || missing+=(debian-archive-keyring)
((${#missing[@]} == 0)) && exit 0

command -v apt-get >/dev/null || {
  echo "orlop: these packages are needed and this is not Debian or Ubuntu, so install them by hand: ${missing[*]}" >&2
  exit 1
}
((EUID == 0)) || {
  echo "orlop: these packages are needed; install them as root: apt-get install ${missing[*]}" >&2
  exit 1
}
echo "orlop: installing system packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
