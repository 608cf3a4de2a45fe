/*
 * mke: what of the file is of "platform: {type: mke}": Mirantis Kubernetes Engine on Mirantis Container Runtime, from files that the operator has
 * of the vendor.  Written from the vendor's documentation (https://docs.mirantis.com/mke/3.9/), untested against its images.
 */
#pragma once
#include "core/cluster/spec.h"

struct yaml;
struct yaml_node;

/* What the file says that MKE cannot take; fills in the pods' network that is MKE's own default. */
int mke_check(const struct yaml *y, const struct yaml_node *file, struct spec *s, struct error **err) MUST_USE;
/* "docker-ee" of "…/docker-ee_29.4.1~1-0~ubuntu-noble_amd64.deb"; NULL where the name is no package's for amd64.  The caller frees. */
char *mke_package_name(const char *path) MUST_USE;

/* What the installer is given, read from the file's files; both are needed until MKE is installed.  Errors are ERROR_CONFIG with the place in the
 * file.  The licence: JSON with key_id and authorization, or a token of three parts (JWT); *ret NULL where the file names none. */
int mke_license(const struct spec *s, char **ret, struct error **err) MUST_USE;
/* 8 to 128 characters, no control character.  Secret; the caller frees. */
int mke_password(const struct spec *s, char **ret, struct error **err) MUST_USE;
