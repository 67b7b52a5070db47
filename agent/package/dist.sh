#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# agent/package/dist.sh VERSION DIRECTORY <installed files
#
# Makes a release: the tarball of the last commit in DIRECTORY, and beside it the files by which RPM, Arch and Alpine build it, with
# its version, its checksum, and the list of the files that `make install` puts there, which is read from the standard input.
set -eu
cd "$(dirname "$0")/../.."
version=$1 place=$2
name=iceberg-offload-agent-$version
tarball=$place/$name.tar.gz

git rev-parse --verify --quiet HEAD >/dev/null || { echo "dist: a clone of the repository is needed" >&2; exit 1; }
rm -rf "$place"
mkdir -p "$place/$name"
cat >"$place/installed"

# The commit's time, and nobody's name or umask: everybody makes the same bytes. Debian's files have their usual place as well.
git archive HEAD | tar -C "$place/$name" -xf -
cp -R "$place/$name/agent/package/debian" "$place/$name/debian"
LC_ALL=C tar -C "$place" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --mtime="@$(git log -1 --format=%ct)" -cf "$place/$name.tar" "$name"
gzip -n -9 "$place/$name.tar"
rm -rf "${place:?}/$name"

# The checksum alone: sum PROGRAM FILE.
sum() { "$1" "$2" | cut -d ' ' -f 1; }

alpine=agent/package/alpine
for template in agent/package/*/*.in; do
    # A page may be compressed by the package manager's own helpers, and rpmlint wants its macros for folders of libraries.
    sed -e "s/@VERSION@/$version/" -e "s/@SHA256@/$(sum sha256sum "$tarball")/" -e "s/@SHA512@/$(sum sha512sum "$tarball")/" \
        -e "s/@SHA512_INITD@/$(sum sha512sum $alpine/iceberg-offload-agent.initd)/" \
        -e "s/@SHA512_PRE_INSTALL@/$(sum sha512sum $alpine/iceberg-offload-agent.pre-install)/" \
        -e "/^@FILES@\$/{r $place/installed" -e 'd;}' "$template" \
        | sed -e 's,^/usr/share/man/.*,&*,' -e 's,^/usr/lib/sysusers.d/,%{_sysusersdir}/,' -e 's,^/usr/lib/systemd/system/,%{_unitdir}/,' \
            >"$place/$(basename "$template" .in)"
done
cp $alpine/iceberg-offload-agent.initd $alpine/iceberg-offload-agent.pre-install "$place"
rm "$place/installed"
ls "$place"/*
