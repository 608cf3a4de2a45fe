#!/usr/bin/env python3
"""ocilayout.py DIR TAG CONFIG ENTRY...

Write an OCI image layout with one gzip layer, the same bytes for the same input.
CONFIG is the JSON of the image's "config" object. An ENTRY is one of
  file:SOURCE:PATH    a program or file, with the mode of SOURCE less write for others
  link:TARGET:PATH    a symbolic link
  dir:MODE:PATH       an empty directory, MODE in octal
Directories above a PATH are made as 0755.
"""
import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

OCI = "application/vnd.oci.image."


class Layout:
    def __init__(self, path):
        self.path = path
        os.makedirs(path + "/blobs/sha256")

    def blob(self, media, data):
        digest = hashlib.sha256(data).hexdigest()
        self.write("blobs/sha256/" + digest, data)
        return {"mediaType": OCI + media, "digest": "sha256:" + digest, "size": len(data)}

    def write(self, name, data):
        with open(os.path.join(self.path, name), "wb") as f:
            f.write(data)


def dump(obj):
    return json.dumps(obj, separators=(",", ":"), sort_keys=True).encode()


def tar(entries):
    """The layer as bytes; every owner is root and every time is 0."""
    out, made = io.BytesIO(), set()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as t:
        for entry in entries:
            kind, what, path = entry.split(":", 2)
            path = path.strip("/")
            parts = path.split("/")[:-1]
            for i in range(len(parts)):
                add_dir(t, made, "/".join(parts[: i + 1]), 0o755)
            if kind == "dir":
                add_dir(t, made, path, int(what, 8))
                continue
            info = tarfile.TarInfo(path)
            if kind == "link":
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, what, 0o777
                t.addfile(info)
            elif kind == "file":
                st = os.stat(what)
                info.mode, info.size = st.st_mode & 0o755, st.st_size
                with open(what, "rb") as f:
                    t.addfile(info, f)
            else:
                sys.exit("ocilayout.py: no such entry: " + entry)
    return out.getvalue()


def add_dir(t, made, path, mode):
    if path not in made:
        made.add(path)
        info = tarfile.TarInfo(path)
        info.type, info.mode = tarfile.DIRTYPE, mode
        t.addfile(info)


def main(dest, tag, config, *entries):
    layout = Layout(dest)
    raw = tar(entries)
    platform = {"architecture": "amd64", "os": "linux"}
    layer = layout.blob("layer.v1.tar+gzip", gzip.compress(raw, 6, mtime=0))
    image = layout.blob("config.v1+json", dump(dict(
        platform,
        created="1970-01-01T00:00:00Z",
        config=json.loads(config),
        rootfs={"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw).hexdigest()]},
        history=[{"created": "1970-01-01T00:00:00Z", "created_by": "ocilayout.py"}])))
    manifest = layout.blob("manifest.v1+json", dump({
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": image, "layers": [layer]}))
    manifest["platform"] = platform
    manifest["annotations"] = {"org.opencontainers.image.ref.name": tag}
    layout.write("oci-layout", dump({"imageLayoutVersion": "1.0.0"}))
    layout.write("index.json", dump({
        "schemaVersion": 2, "mediaType": OCI + "index.v1+json", "manifests": [manifest]}))


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
